-- Migration: Create user profiles
-- Service: user-service
-- Author: Identity team
-- Date: 2024-01-15
-- Dependencies: 20240101_001, 20240101_002

BEGIN;

CREATE TABLE IF NOT EXISTS user_profiles (
    user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
    given_name VARCHAR(80),
    family_name VARCHAR(80),
    avatar_url TEXT
);

COMMIT;
