-- Migration: Create customer segments
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-03-01
-- Dependencies: 20240201_004

BEGIN;

CREATE TYPE segment_kind AS ENUM ('manual', 'rule', 'model');

CREATE TABLE IF NOT EXISTS customer_segments (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(120) UNIQUE NOT NULL,
    kind segment_kind NOT NULL DEFAULT 'manual',
    lifecycle_stage VARCHAR(20)
);

COMMIT;
