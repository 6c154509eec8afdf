-- Migration: Add display name to profiles
-- Service: user-service
-- Author: Identity team
-- Date: 2024-02-01
-- Dependencies: 20240115_003

BEGIN;

ALTER TABLE user_profiles ADD COLUMN IF NOT EXISTS display_name VARCHAR(120);

COMMIT;
