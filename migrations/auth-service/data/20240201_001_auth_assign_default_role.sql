-- Migration: Introduce the member and admin roles, everybody becomes a member
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-02-01
-- Dependencies: 20240115_002

BEGIN;

INSERT INTO roles (name, description) VALUES
    ('member', 'May sign in'),
    ('admin', 'May manage users; "root" of the platform')
ON CONFLICT (name) DO NOTHING;

INSERT INTO user_roles (user_id, role_name)
SELECT id, 'member' FROM users
ON CONFLICT DO NOTHING;

COMMIT;
