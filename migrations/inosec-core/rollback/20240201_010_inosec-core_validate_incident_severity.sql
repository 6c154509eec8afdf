-- Rollback: Validate the severity constraint
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-02-01

BEGIN;

ALTER TABLE security_incidents DROP CONSTRAINT chk_incident_severity;
ALTER TABLE security_incidents ADD CONSTRAINT chk_incident_severity
    CHECK (severity BETWEEN 1 AND 5) NOT VALID;

COMMIT;
