-- Migration: Create training data catalogue
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-01-15
-- Dependencies: 20240101_006

BEGIN;

-- The data itself stays in the metrics database. `source` names a table that timeseries.rollups
-- (iot.foundational) summarises there; platform-dependencies.toml says so to the planner.
CREATE TABLE IF NOT EXISTS training_datasets (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    model_id UUID NOT NULL REFERENCES ai_models(id) ON DELETE CASCADE,
    source VARCHAR(120) NOT NULL,
    covers TSTZRANGE NOT NULL
);

COMMIT;
