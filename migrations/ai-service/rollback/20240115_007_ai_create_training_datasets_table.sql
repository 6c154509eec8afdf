-- Rollback: Create training data catalogue
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS training_datasets;

COMMIT;
