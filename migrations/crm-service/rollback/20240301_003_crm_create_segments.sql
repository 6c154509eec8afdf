-- Rollback: Create customer segments
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-03-01

BEGIN;

DROP TABLE IF EXISTS customer_segments;
DROP TYPE IF EXISTS segment_kind;

COMMIT;
