-- Migration: Create workflow steps
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-02-01
-- Dependencies: 20240101_005, 20240101_007

BEGIN;

CREATE TABLE IF NOT EXISTS workflow_steps (
    definition_id UUID NOT NULL REFERENCES workflow_definitions(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    action VARCHAR(40) NOT NULL,
    email_template_id UUID REFERENCES email_templates(id),
    PRIMARY KEY (definition_id, position)
);

COMMIT;
