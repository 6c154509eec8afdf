-- Migration: Create security incidents
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-01-15
-- Dependencies: 20240101_001, 20240101_008

BEGIN;

CREATE TABLE IF NOT EXISTS security_incidents (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    policy_id UUID NOT NULL REFERENCES security_policies(id),
    reported_by UUID REFERENCES users(id),
    opened_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    closed_at TIMESTAMPTZ
);

COMMIT;
