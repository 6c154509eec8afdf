-- Rollback: Create workflow triggers and their change log
-- Service: workflow-service
-- Author: Automation team
-- Date: 2024-03-01

BEGIN;

DROP TABLE IF EXISTS workflow_triggers;
DROP FUNCTION IF EXISTS touch_workflow_trigger();

COMMIT;
