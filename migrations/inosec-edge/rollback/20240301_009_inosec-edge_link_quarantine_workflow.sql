-- Rollback: Say which workflow quarantines a device
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-03-01

BEGIN;

ALTER TABLE edge_devices DROP CONSTRAINT IF EXISTS fk_edge_devices_quarantine;
ALTER TABLE edge_devices DROP COLUMN IF EXISTS quarantine_workflow_id;

COMMIT;
