-- Rollback: Create roles and their assignment
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS user_roles;
DROP TABLE IF EXISTS roles;

COMMIT;
