-- Migration: Add severity to incidents
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-02-01
-- Dependencies: 20240115_009

BEGIN;

ALTER TABLE security_incidents ADD COLUMN IF NOT EXISTS severity SMALLINT NOT NULL DEFAULT 3;

-- NOT VALID: no scan under the strong lock; 20240201_010 validates.
ALTER TABLE security_incidents ADD CONSTRAINT chk_incident_severity
    CHECK (severity BETWEEN 1 AND 5) NOT VALID;

COMMIT;
