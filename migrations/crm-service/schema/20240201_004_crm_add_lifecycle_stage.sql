-- Migration: Add lifecycle stage to customers
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-02-01
-- Dependencies: 20240101_003
-- dunlin: phase expand

BEGIN;

ALTER TABLE customers ADD COLUMN IF NOT EXISTS lifecycle_stage VARCHAR(20);

COMMIT;
