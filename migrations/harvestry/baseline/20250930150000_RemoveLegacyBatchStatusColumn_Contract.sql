-- dunlin: phase contract
ALTER TABLE batches DROP COLUMN status;
