-- Rollback: Create sessions table
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS sessions;

COMMIT;
