-- Migration: Create security policies
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-01-01
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS security_policies (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(120) UNIQUE NOT NULL,
    rules JSONB NOT NULL,
    approved_by UUID REFERENCES users(id)
);

COMMIT;
