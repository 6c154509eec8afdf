-- Rollback: Add severity to incidents
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-02-01

BEGIN;

ALTER TABLE security_incidents DROP CONSTRAINT IF EXISTS chk_incident_severity;
ALTER TABLE security_incidents DROP COLUMN IF EXISTS severity;

COMMIT;
