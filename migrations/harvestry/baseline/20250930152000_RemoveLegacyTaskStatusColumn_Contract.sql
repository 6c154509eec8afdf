-- Nothing leads back: several old values became 'unknown'.
-- dunlin: phase contract
ALTER TABLE tasks DROP COLUMN old_status;
