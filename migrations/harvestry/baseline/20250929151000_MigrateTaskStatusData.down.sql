-- dunlin: batch table=tasks key=task_id size=1000
UPDATE tasks SET new_status = NULL WHERE new_status IS NOT NULL AND :batch;
