-- Rollback: Add display name to profiles
-- Service: user-service
-- Author: Identity team
-- Date: 2024-02-01

BEGIN;

ALTER TABLE user_profiles DROP COLUMN IF EXISTS display_name;

COMMIT;
