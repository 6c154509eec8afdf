-- Migration: Say which workflow quarantines a device
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-03-01
-- Dependencies: 20240101_007, 20240201_011

BEGIN;

-- A device is quarantined on what its signals say, so the signals come first: iot.ess-signals/12 in the
-- metrics database (platform-dependencies.toml).
ALTER TABLE edge_devices ADD COLUMN IF NOT EXISTS quarantine_workflow_id UUID;

-- NOT VALID: 20240301_010 checks the rows without holding up writers.
ALTER TABLE edge_devices ADD CONSTRAINT fk_edge_devices_quarantine
    FOREIGN KEY (quarantine_workflow_id) REFERENCES workflow_definitions(id) NOT VALID;

COMMIT;
