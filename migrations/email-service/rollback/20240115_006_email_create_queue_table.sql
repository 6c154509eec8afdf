-- Rollback: Create email queue
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS email_queue;

COMMIT;
