ALTER TABLE batches DROP CONSTRAINT ck_batches_phase;
