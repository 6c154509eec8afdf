-- Migration: Derive missing display names from the email address
-- Service: user-service
-- Author: Identity team
-- Date: 2024-02-01
-- Dependencies: 20240101_001, 20240201_002

BEGIN;

-- No rollback script: once users edit their names, a derived one cannot be told from a chosen one.
UPDATE user_profiles AS p
SET display_name = split_part(u.email, '@', 1)
FROM users AS u
WHERE u.id = p.user_id
  AND p.display_name IS NULL;

COMMIT;
