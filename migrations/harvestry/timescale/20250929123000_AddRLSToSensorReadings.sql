-- Enable RLS
ALTER TABLE sensor_readings ENABLE ROW LEVEL SECURITY;

-- Create policy for site-scoped access
CREATE POLICY sensor_readings_site_isolation ON sensor_readings
    FOR ALL
    USING (
        site_id IN (
            SELECT site_id FROM user_sites
            WHERE user_id = nullif(current_setting('app.current_user_id', TRUE), '')::uuid
        )
    );

-- Allow service accounts to bypass RLS
CREATE POLICY sensor_readings_service_account ON sensor_readings
    FOR ALL
    USING (current_setting('app.user_role', TRUE) = 'service_account');
