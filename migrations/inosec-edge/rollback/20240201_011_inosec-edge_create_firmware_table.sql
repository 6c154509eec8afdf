-- Rollback: Create firmware inventory
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-02-01

BEGIN;

DROP TABLE IF EXISTS edge_firmware;

COMMIT;
