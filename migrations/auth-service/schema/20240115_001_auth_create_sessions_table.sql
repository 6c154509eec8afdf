-- Migration: Create sessions table
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-01-15
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS sessions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

COMMIT;
