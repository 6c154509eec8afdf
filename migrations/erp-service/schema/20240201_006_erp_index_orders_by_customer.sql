-- Migration: Index orders by customer
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-02-01
-- Dependencies: 20240115_005

-- Alone in its file and outside a transaction. Not IF NOT EXISTS: that would accept the invalid
-- index which an interrupted build leaves behind.
CREATE INDEX CONCURRENTLY idx_orders_customer_placed ON orders(customer_id, placed_at);
