-- Migration: Create the registry of edge devices
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-01-01
-- Dependencies: 20240101_008

BEGIN;

CREATE TABLE IF NOT EXISTS edge_devices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    serial_number VARCHAR(64) UNIQUE NOT NULL,
    policy_id UUID NOT NULL REFERENCES security_policies(id),
    registered_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

COMMENT ON TABLE edge_devices IS 'Every device that may send readings; the time-series databases carry its id without a foreign key';

COMMIT;
