-- Migration: Create device heartbeats
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-01-15
-- Dependencies: 20240101_009, 20240115_009

BEGIN;

CREATE TABLE IF NOT EXISTS edge_heartbeats (
    device_id UUID NOT NULL REFERENCES edge_devices(id) ON DELETE CASCADE,
    seen_at TIMESTAMPTZ NOT NULL,
    incident_id UUID REFERENCES security_incidents(id),
    PRIMARY KEY (device_id, seen_at)
);

COMMIT;
