-- Seed: A churn model and its training data
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-04-01
-- Dependencies: 20240401_001, 20240115_007

BEGIN;

INSERT INTO ai_models (id, name, revision, parameters, owner_id) VALUES
    ('f0000000-0000-4000-8000-000000000001', 'churn', 1, '{"trees": 200}', 'a0000000-0000-4000-8000-000000000002')
ON CONFLICT DO NOTHING;

INSERT INTO training_datasets (id, model_id, source, covers) VALUES
    ('f1000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000001', 'payload.ess_signals',
     '[2024-01-01 00:00:00+00,2024-02-01 00:00:00+00)')
ON CONFLICT DO NOTHING;

COMMIT;
