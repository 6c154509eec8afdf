-- Rollback: Create orders and order lines
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS order_lines;
DROP TABLE IF EXISTS orders;

COMMIT;
