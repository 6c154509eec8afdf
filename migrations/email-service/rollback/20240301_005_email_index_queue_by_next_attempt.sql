-- Rollback: Index the queue by its next attempt
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-03-01

DROP INDEX CONCURRENTLY IF EXISTS idx_email_queue_next_attempt;
