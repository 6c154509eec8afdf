-- Rollback: Create predictions and the churn view
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-03-01

BEGIN;

DROP VIEW IF EXISTS v_churn_candidates;
DROP TABLE IF EXISTS ai_predictions;

COMMIT;
