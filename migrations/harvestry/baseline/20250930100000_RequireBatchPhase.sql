-- NOT VALID: no scan under the strong lock; the next migration validates.
ALTER TABLE batches ADD CONSTRAINT ck_batches_phase CHECK (phase IS NOT NULL) NOT VALID;
