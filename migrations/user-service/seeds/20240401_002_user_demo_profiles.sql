-- Seed: Their preferences and profiles
-- Service: user-service
-- Author: Identity team
-- Date: 2024-04-01
-- Dependencies: 20240401_001, 20240201_003

BEGIN;

INSERT INTO user_preferences (id, user_id, locale, time_zone) VALUES
    ('b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'en', 'Europe/London'),
    ('b0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000002', 'es', 'America/Caracas')
ON CONFLICT DO NOTHING;

INSERT INTO user_profiles (user_id, given_name, family_name, display_name) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'Ada', 'Lovelace', 'ada'),
    ('a0000000-0000-4000-8000-000000000002', 'Grace', 'Hopper', 'grace')
ON CONFLICT DO NOTHING;

COMMIT;
