-- Migration: Create email templates table
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-01-01
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS email_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    slug VARCHAR(80) UNIQUE NOT NULL,
    subject VARCHAR(200) NOT NULL,
    body TEXT NOT NULL,
    created_by UUID REFERENCES users(id)
);

COMMENT ON COLUMN email_templates.body IS 'Text with {{placeholders}}; they are filled in by the worker; "{{;}}" is legal';

COMMIT;
