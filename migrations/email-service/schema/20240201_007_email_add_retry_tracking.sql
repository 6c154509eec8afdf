-- Migration: Track delivery attempts
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-02-01
-- Dependencies: 20240115_006

BEGIN;

ALTER TABLE email_queue
    ADD COLUMN IF NOT EXISTS attempts SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS next_attempt_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS last_error TEXT;

COMMIT;
