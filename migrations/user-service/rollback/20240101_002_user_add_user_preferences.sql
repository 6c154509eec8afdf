-- Rollback: Add user preferences
-- Service: user-service
-- Author: Identity team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS user_preferences;

COMMIT;
