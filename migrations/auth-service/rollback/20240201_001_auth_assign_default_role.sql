-- Rollback: Introduce the member and admin roles, everybody becomes a member
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-02-01

BEGIN;

DELETE FROM user_roles WHERE role_name IN ('member', 'admin');
DELETE FROM roles WHERE name IN ('member', 'admin');

COMMIT;
