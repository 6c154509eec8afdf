-- Rollback: Create security incidents
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS security_incidents;

COMMIT;
