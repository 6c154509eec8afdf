ALTER TABLE batches VALIDATE CONSTRAINT ck_batches_phase;

-- Takes the constraint's word for it, without a scan of its own.
ALTER TABLE batches ALTER COLUMN phase SET NOT NULL;
ALTER TABLE batches DROP CONSTRAINT ck_batches_phase;
