-- Rollback: Create customers table
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-01-01

BEGIN;

DROP INDEX IF EXISTS idx_customers_account_manager;
DROP TABLE IF EXISTS customers;

COMMIT;
