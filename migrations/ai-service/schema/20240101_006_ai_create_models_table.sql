-- Migration: Create AI model metadata
-- Service: ai-service
-- Author: Data science team
-- Date: 2024-01-01
-- Dependencies: 20240101_001

BEGIN;

CREATE TABLE IF NOT EXISTS ai_models (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(120) NOT NULL,
    revision INTEGER NOT NULL,
    parameters JSONB NOT NULL DEFAULT '{}',
    owner_id UUID REFERENCES users(id),
    CONSTRAINT uq_ai_models_name_revision UNIQUE (name, revision)
);

COMMIT;
