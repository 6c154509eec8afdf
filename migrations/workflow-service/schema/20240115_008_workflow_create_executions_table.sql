-- Migration: Create workflow executions
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-01-15
-- Dependencies: 20240101_007, 20240115_005

BEGIN;

CREATE TABLE IF NOT EXISTS workflow_executions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    definition_id UUID NOT NULL REFERENCES workflow_definitions(id),
    order_id UUID REFERENCES orders(id) ON DELETE SET NULL,
    state VARCHAR(20) NOT NULL DEFAULT 'pending',
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    CONSTRAINT chk_execution_times CHECK (finished_at IS NULL OR finished_at >= started_at)
);

COMMIT;
