-- Rollback: Create AI model metadata
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS ai_models;

COMMIT;
