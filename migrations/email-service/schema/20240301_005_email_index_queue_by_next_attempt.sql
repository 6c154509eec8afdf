-- Migration: Index the queue by its next attempt
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-03-01
-- Dependencies: 20240201_007

CREATE INDEX CONCURRENTLY idx_email_queue_next_attempt
    ON email_queue(next_attempt_at) WHERE sent_at IS NULL;
