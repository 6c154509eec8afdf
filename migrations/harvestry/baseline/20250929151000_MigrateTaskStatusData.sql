-- In batches. The pattern usually given for this, a DO block which loops over UPDATE … LIMIT and commits in between,
-- is no PostgreSQL: UPDATE knows no LIMIT, and a DO block may not commit inside a transaction. So this is one batch,
-- limited by a subquery on the key; it is repeated, each time in a transaction of its own, until it finds no more rows.
-- dunlin: phase data
-- dunlin: batch table=tasks key=task_id size=1000
UPDATE tasks
SET new_status = CASE old_status
        WHEN 'open' THEN 'pending'
        WHEN 'in_progress' THEN 'active'
        WHEN 'done' THEN 'completed'
        ELSE 'unknown'
    END
WHERE task_id IN (
    SELECT task_id FROM tasks
    WHERE new_status IS NULL
    ORDER BY task_id
    LIMIT 1000
);
