-- Migration: Create products and warehouses
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-01-01
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS products (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    sku VARCHAR(64) UNIQUE NOT NULL,
    name VARCHAR(200) NOT NULL,
    unit_price NUMERIC(12, 2) NOT NULL CONSTRAINT chk_unit_price CHECK (unit_price >= 0),
    created_by UUID REFERENCES users(id)
);

CREATE TABLE IF NOT EXISTS warehouses (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    code VARCHAR(16) UNIQUE NOT NULL,
    name VARCHAR(200) NOT NULL
);

COMMIT;
