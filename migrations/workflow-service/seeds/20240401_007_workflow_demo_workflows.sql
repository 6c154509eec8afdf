-- Seed: Onboarding and quarantine
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-04-01
-- Dependencies: 20240401_001, 20240401_005, 20240201_008

BEGIN;

INSERT INTO workflow_definitions (id, name, created_by) VALUES
    ('80000000-0000-4000-8000-000000000001', 'onboarding', 'a0000000-0000-4000-8000-000000000001'),
    ('80000000-0000-4000-8000-000000000002', 'quarantine', 'a0000000-0000-4000-8000-000000000001')
ON CONFLICT DO NOTHING;

INSERT INTO workflow_steps (definition_id, position, action, email_template_id) VALUES
    ('80000000-0000-4000-8000-000000000001', 1, 'send_email', 'e0000000-0000-4000-8000-000000000001'),
    ('80000000-0000-4000-8000-000000000002', 1, 'cut_network', NULL)
ON CONFLICT DO NOTHING;

COMMIT;
