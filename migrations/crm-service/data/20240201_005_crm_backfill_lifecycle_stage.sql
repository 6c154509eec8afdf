-- Migration: Derive the lifecycle stage from the old status
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-02-01
-- Dependencies: 20240201_004
-- dunlin: phase data

BEGIN;

UPDATE customers
SET lifecycle_stage = CASE status
        WHEN 'lead' THEN 'prospect'
        WHEN 'active' THEN 'customer'
        ELSE 'former'
    END
WHERE lifecycle_stage IS NULL;

COMMIT;
