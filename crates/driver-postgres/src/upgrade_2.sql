-- From version 1 of the ledger to version 2: backfills.
ALTER TABLE dunlin.ledger ADD COLUMN cursor jsonb;
COMMENT ON COLUMN dunlin.ledger.cursor IS 'How far a backfill is: {"after": the last key as text, one per column, "rows": the rows up to there}; null where it is none.';
