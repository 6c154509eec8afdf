-- Migration: Create workflow triggers and their change log
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-03-01
-- Dependencies: 20240101_006, 20240101_007, 20240115_009

BEGIN;

CREATE TABLE IF NOT EXISTS workflow_triggers (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    definition_id UUID NOT NULL REFERENCES workflow_definitions(id) ON DELETE CASCADE,
    model_id UUID REFERENCES ai_models(id),
    incident_id UUID REFERENCES security_incidents(id),
    changed_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT chk_trigger_source CHECK (num_nonnulls(model_id, incident_id) = 1)
);

CREATE FUNCTION touch_workflow_trigger() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := CURRENT_TIMESTAMP;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trg_workflow_triggers_touch
    BEFORE UPDATE ON workflow_triggers
    FOR EACH ROW EXECUTE FUNCTION touch_workflow_trigger();

COMMIT;
