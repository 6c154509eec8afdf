-- Seed: Two people to sign in as
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-04-01
-- Dependencies: 20240201_001

BEGIN;

INSERT INTO users (id, email) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'ada@example.com'),
    ('a0000000-0000-4000-8000-000000000002', 'grace@example.com')
ON CONFLICT DO NOTHING;

INSERT INTO user_roles (user_id, role_name) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'admin'),
    ('a0000000-0000-4000-8000-000000000002', 'member')
ON CONFLICT DO NOTHING;

COMMIT;
