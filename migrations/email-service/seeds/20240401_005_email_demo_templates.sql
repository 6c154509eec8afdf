-- Seed: A welcome mail
-- Service: email-service
-- Author: Messaging team
-- Date: 2024-04-01
-- Dependencies: 20240401_001, 20240101_005

BEGIN;

INSERT INTO email_templates (id, slug, subject, body, created_by) VALUES
    ('e0000000-0000-4000-8000-000000000001', 'welcome', 'Welcome, {{name}}',
     $body$Dear {{name}},

we are glad that you are here; that you can't wait; and that it's easy.
$body$, 'a0000000-0000-4000-8000-000000000001')
ON CONFLICT DO NOTHING;

COMMIT;
