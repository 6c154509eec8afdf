-- In batches. The pattern usually given for this, a DO block which loops over UPDATE … LIMIT and commits in between,
-- is no PostgreSQL: UPDATE knows no LIMIT, and a DO block may not commit inside a transaction. So each batch is limited
-- by a subquery on the key, and all of them together are one transaction.
-- dunlin: phase data
DO $$
DECLARE
    batch_size CONSTANT integer := 1000;
BEGIN
    LOOP
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
            LIMIT batch_size
        );
        EXIT WHEN NOT FOUND;
    END LOOP;
END $$;
