-- Rollback: Create products and warehouses
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS warehouses;
DROP TABLE IF EXISTS products;

COMMIT;
