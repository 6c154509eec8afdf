-- Migration: Create roles and their assignment
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-01-15
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS roles (
    name VARCHAR(40) PRIMARY KEY,
    description TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS user_roles (
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    role_name VARCHAR(40) NOT NULL REFERENCES roles(name),
    PRIMARY KEY (user_id, role_name)
);

COMMIT;
