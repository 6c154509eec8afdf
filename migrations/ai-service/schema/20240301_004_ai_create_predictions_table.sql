-- Migration: Create predictions and the churn view
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-03-01
-- Dependencies: 20240101_006, 20240201_004

BEGIN;

CREATE TABLE IF NOT EXISTS ai_predictions (
    model_id UUID NOT NULL REFERENCES ai_models(id),
    customer_id UUID NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
    predicted_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    churn_probability REAL NOT NULL CONSTRAINT chk_churn CHECK (churn_probability BETWEEN 0 AND 1),
    PRIMARY KEY (model_id, customer_id, predicted_at)
);

CREATE VIEW v_churn_candidates AS
SELECT c.id, c.name, c.lifecycle_stage, max(p.churn_probability) AS churn_probability
FROM customers AS c
JOIN ai_predictions AS p ON p.customer_id = c.id
WHERE c.lifecycle_stage = 'customer'
GROUP BY c.id, c.name, c.lifecycle_stage;

COMMIT;
