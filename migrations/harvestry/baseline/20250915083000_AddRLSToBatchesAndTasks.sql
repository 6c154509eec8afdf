-- Enable RLS
ALTER TABLE batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;

-- Site-scoped access. Without TRUE, current_setting() fails for a session that never named its user; and after a
-- SET LOCAL the setting is empty, not absent: hence nullif.
CREATE POLICY batches_site_isolation ON batches
    FOR ALL
    USING (
        site_id IN (
            SELECT site_id FROM user_sites
            WHERE user_id = nullif(current_setting('app.current_user_id', TRUE), '')::uuid
        )
    );
CREATE POLICY tasks_site_isolation ON tasks
    FOR ALL
    USING (
        site_id IN (
            SELECT site_id FROM user_sites
            WHERE user_id = nullif(current_setting('app.current_user_id', TRUE), '')::uuid
        )
    );

-- Allow service accounts to bypass RLS
CREATE POLICY batches_service_account ON batches
    FOR ALL
    USING (current_setting('app.user_role', TRUE) = 'service_account');
CREATE POLICY tasks_service_account ON tasks
    FOR ALL
    USING (current_setting('app.user_role', TRUE) = 'service_account');
