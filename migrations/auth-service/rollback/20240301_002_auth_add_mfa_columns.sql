-- Rollback: Add second factor to users
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-03-01

BEGIN;

ALTER TABLE users
    DROP COLUMN IF EXISTS mfa_enabled,
    DROP COLUMN IF EXISTS mfa_secret;

COMMIT;
