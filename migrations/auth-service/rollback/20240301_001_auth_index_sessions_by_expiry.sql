-- Rollback: Index sessions by expiry
-- Service: auth-service
-- Author: Identity team
-- Date: 2024-03-01

DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_expires_at;
