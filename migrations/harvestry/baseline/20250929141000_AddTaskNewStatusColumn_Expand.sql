-- Old and new applications run side by side from here until the contract phase: what one of them writes to its
-- column, the trigger writes to the other.
-- dunlin: phase expand
ALTER TABLE tasks ADD COLUMN new_status varchar(20);

CREATE FUNCTION sync_task_status() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.new_status IS NOT NULL
       OR TG_OP = 'UPDATE' AND NEW.new_status IS DISTINCT FROM OLD.new_status THEN
        NEW.old_status := CASE NEW.new_status
            WHEN 'pending' THEN 'open'
            WHEN 'active' THEN 'in_progress'
            WHEN 'completed' THEN 'done'
            ELSE NEW.old_status
        END;
    ELSIF TG_OP = 'INSERT' OR NEW.old_status IS DISTINCT FROM OLD.old_status THEN
        NEW.new_status := CASE NEW.old_status
            WHEN 'open' THEN 'pending'
            WHEN 'in_progress' THEN 'active'
            WHEN 'done' THEN 'completed'
            ELSE 'unknown'
        END;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER tr_tasks_sync_status
    BEFORE INSERT OR UPDATE OF old_status, new_status ON tasks
    FOR EACH ROW EXECUTE FUNCTION sync_task_status();
