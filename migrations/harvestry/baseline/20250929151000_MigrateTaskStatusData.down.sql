-- dunlin: batch table=tasks key=task_id size=1000
UPDATE tasks
SET new_status = NULL
WHERE task_id IN (
    SELECT task_id FROM tasks
    WHERE new_status IS NOT NULL
    ORDER BY task_id
    LIMIT 1000
);
