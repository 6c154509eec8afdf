UPDATE tasks SET new_status = NULL WHERE new_status IS NOT NULL;
