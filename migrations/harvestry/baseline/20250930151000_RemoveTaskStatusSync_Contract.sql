-- dunlin: phase contract
DROP TRIGGER tr_tasks_sync_status ON tasks;
DROP FUNCTION sync_task_status();
