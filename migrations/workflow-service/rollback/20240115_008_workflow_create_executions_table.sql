-- Rollback: Create workflow executions
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-01-15

BEGIN;

DROP TABLE IF EXISTS workflow_executions;

COMMIT;
