-- Migration: Index sessions by expiry
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-03-01
-- Dependencies: 20240115_001

CREATE INDEX CONCURRENTLY idx_sessions_expires_at ON sessions(expires_at);
