-- Rollback: Create the partitioned audit log
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-03-01

BEGIN;

DROP TABLE IF EXISTS audit_log;

COMMIT;
