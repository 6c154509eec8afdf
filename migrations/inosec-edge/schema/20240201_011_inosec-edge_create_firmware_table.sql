-- Migration: Create firmware inventory
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-02-01
-- Dependencies: 20240101_009

BEGIN;

CREATE TABLE IF NOT EXISTS edge_firmware (
    device_id UUID NOT NULL REFERENCES edge_devices(id) ON DELETE CASCADE,
    version VARCHAR(40) NOT NULL,
    sha256 BYTEA NOT NULL CONSTRAINT chk_firmware_sha256 CHECK (octet_length(sha256) = 32),
    installed_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (device_id, version)
);

COMMIT;
