-- Migration: Create email queue
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-01-15
-- Dependencies: 20240101_005, 20240115_004

BEGIN;

CREATE TABLE IF NOT EXISTS email_queue (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    template_id UUID NOT NULL REFERENCES email_templates(id),
    contact_id UUID NOT NULL REFERENCES contacts(id) ON DELETE CASCADE,
    queued_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    sent_at TIMESTAMPTZ
);

COMMIT;
