-- Rollback: Validate the quarantine workflow
-- Service: inosec-edge
-- Author: Device team
-- Date: 2024-03-01

BEGIN;

ALTER TABLE edge_devices DROP CONSTRAINT fk_edge_devices_quarantine;
ALTER TABLE edge_devices ADD CONSTRAINT fk_edge_devices_quarantine
    FOREIGN KEY (quarantine_workflow_id) REFERENCES workflow_definitions(id) NOT VALID;

COMMIT;
