-- Seed: The default policy
-- Service: inosec-core
-- Author: Security team
-- Date: 2024-04-01
-- Dependencies: 20240401_001, 20240101_008

BEGIN;

INSERT INTO security_policies (id, name, rules, approved_by) VALUES
    ('90000000-0000-4000-8000-000000000001', 'default', '{"allow": ["mqtt:8883"]}', 'a0000000-0000-4000-8000-000000000001')
ON CONFLICT DO NOTHING;

COMMIT;
