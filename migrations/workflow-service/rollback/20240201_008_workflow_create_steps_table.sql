-- Rollback: Create workflow steps
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-02-01

BEGIN;

DROP TABLE IF EXISTS workflow_steps;

COMMIT;
