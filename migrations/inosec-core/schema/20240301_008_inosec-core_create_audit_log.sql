-- Migration: Create the partitioned audit log
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-03-01
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS audit_log (
    at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    actor_id UUID REFERENCES users(id),
    action VARCHAR(80) NOT NULL,
    detail JSONB NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (at);

CREATE TABLE IF NOT EXISTS audit_log_2024 PARTITION OF audit_log
    FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');
CREATE TABLE IF NOT EXISTS audit_log_default PARTITION OF audit_log DEFAULT;

CREATE INDEX IF NOT EXISTS idx_audit_log_actor ON audit_log(actor_id, at);

COMMIT;
