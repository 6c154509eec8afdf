DROP POLICY IF EXISTS tasks_service_account ON tasks;
DROP POLICY IF EXISTS batches_service_account ON batches;
DROP POLICY IF EXISTS tasks_site_isolation ON tasks;
DROP POLICY IF EXISTS batches_site_isolation ON batches;
ALTER TABLE tasks DISABLE ROW LEVEL SECURITY;
ALTER TABLE batches DISABLE ROW LEVEL SECURITY;
