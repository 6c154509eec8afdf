-- Rollback: Create invoices
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-03-01

BEGIN;

DROP TABLE IF EXISTS invoices;

COMMIT;
