-- Rollback: Create security policies
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS security_policies;

COMMIT;
