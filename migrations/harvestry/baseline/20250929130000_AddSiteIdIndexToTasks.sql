-- Concurrently, so outside a transaction and alone in its file.
CREATE INDEX CONCURRENTLY ix_tasks_site_id ON tasks (site_id);
