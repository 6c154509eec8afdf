-- Each phase has its one status, so nothing was lost. `phase` is made anew behind `status`: the columns return in
-- the order in which the old application knew them.
ALTER TABLE batches
    ADD COLUMN status varchar(20) DEFAULT 'planned',
    ADD COLUMN phase_again varchar(20);

UPDATE batches
SET status = CASE phase
        WHEN 'propagation' THEN 'planned'
        WHEN 'cultivation' THEN 'growing'
        WHEN 'curing' THEN 'drying'
        WHEN 'complete' THEN 'done'
    END,
    phase_again = phase;

ALTER TABLE batches DROP COLUMN phase;
ALTER TABLE batches RENAME COLUMN phase_again TO phase;
ALTER TABLE batches
    ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN phase SET NOT NULL;
