-- Rollback: Create device heartbeats
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS edge_heartbeats;

COMMIT;
