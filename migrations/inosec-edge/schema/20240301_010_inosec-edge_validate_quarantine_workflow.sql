-- Migration: Validate the quarantine workflow
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-03-01
-- Dependencies: 20240301_009

BEGIN;

ALTER TABLE edge_devices VALIDATE CONSTRAINT fk_edge_devices_quarantine;

COMMIT;
