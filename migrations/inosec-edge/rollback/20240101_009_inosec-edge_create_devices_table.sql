-- Rollback: Create the registry of edge devices
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS edge_devices;

COMMIT;
