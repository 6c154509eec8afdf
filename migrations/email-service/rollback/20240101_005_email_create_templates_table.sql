-- Rollback: Create email templates table
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS email_templates;

COMMIT;
