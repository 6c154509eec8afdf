-- Rollback: Track delivery attempts
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-02-01

BEGIN;

ALTER TABLE email_queue
    DROP COLUMN IF EXISTS last_error,
    DROP COLUMN IF EXISTS next_attempt_at,
    DROP COLUMN IF EXISTS attempts;

COMMIT;
