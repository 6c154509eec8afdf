-- The pattern usually given for this, a DO block which loops over UPDATE … LIMIT and commits in between, is no PostgreSQL:
-- UPDATE knows no LIMIT, and a DO block may not commit inside a transaction. So Dunlin loops: one short transaction per
-- range of keys, and the place in the table is kept with the rows. What is written meanwhile, the trigger takes care of.
-- dunlin: phase data
-- dunlin: batch table=tasks key=task_id size=1000
UPDATE tasks
SET new_status = CASE old_status
        WHEN 'open' THEN 'pending'
        WHEN 'in_progress' THEN 'active'
        WHEN 'done' THEN 'completed'
        ELSE 'unknown'
    END
WHERE new_status IS NULL AND :batch;
