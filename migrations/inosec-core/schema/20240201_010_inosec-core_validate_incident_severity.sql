-- Migration: Validate the severity constraint
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-02-01
-- Dependencies: 20240201_009

BEGIN;

ALTER TABLE security_incidents VALIDATE CONSTRAINT chk_incident_severity;

COMMIT;
