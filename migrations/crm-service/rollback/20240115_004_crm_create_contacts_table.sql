-- Rollback: Create contacts table
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS contacts;

COMMIT;
