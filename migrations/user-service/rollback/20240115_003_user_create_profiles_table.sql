-- Rollback: Create user profiles
-- Service: user-service
-- Author: Identity team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS user_profiles;

COMMIT;
