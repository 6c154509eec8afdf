-- Rollback: Create workflow definitions
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-01-01

BEGIN;

DROP TABLE IF EXISTS workflow_definitions;

COMMIT;
