-- Rollback: Add lifecycle stage to customers
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-02-01

BEGIN;

ALTER TABLE customers DROP COLUMN IF EXISTS lifecycle_stage;

COMMIT;
