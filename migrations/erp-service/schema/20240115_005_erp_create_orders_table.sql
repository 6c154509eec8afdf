-- Migration: Create orders and order lines
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-01-15
-- Dependencies: 20240101_003, 20240101_004

BEGIN;

CREATE TABLE IF NOT EXISTS orders (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id UUID NOT NULL REFERENCES customers(id),
    warehouse_id UUID NOT NULL REFERENCES warehouses(id),
    placed_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS order_lines (
    order_id UUID NOT NULL REFERENCES orders(id) ON DELETE CASCADE,
    line_number INTEGER NOT NULL,
    product_id UUID NOT NULL REFERENCES products(id),
    quantity NUMERIC(12, 3) NOT NULL CONSTRAINT chk_quantity CHECK (quantity > 0),
    PRIMARY KEY (order_id, line_number)
);

COMMIT;
