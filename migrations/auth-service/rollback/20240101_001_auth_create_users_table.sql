-- Rollback: Create users table
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-01-01

BEGIN;

-- Rollback operations
DROP INDEX IF EXISTS idx_users_email;
DROP TABLE IF EXISTS users;

COMMIT;
