-- Migration: Add second factor to users
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-03-01
-- Dependencies: 20240101_001

BEGIN;

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS mfa_secret BYTEA,
    ADD COLUMN IF NOT EXISTS mfa_enabled BOOLEAN NOT NULL DEFAULT FALSE;

COMMIT;
