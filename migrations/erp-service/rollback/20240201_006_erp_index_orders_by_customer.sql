-- Rollback: Index orders by customer
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-02-01

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_customer_placed;
