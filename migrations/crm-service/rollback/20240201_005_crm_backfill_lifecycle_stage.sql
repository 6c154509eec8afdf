-- Rollback: Derive the lifecycle stage from the old status
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-02-01

BEGIN;

UPDATE customers SET lifecycle_stage = NULL WHERE lifecycle_stage IS NOT NULL;

COMMIT;
