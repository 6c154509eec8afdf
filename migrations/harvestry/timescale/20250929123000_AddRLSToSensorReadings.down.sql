DROP POLICY IF EXISTS sensor_readings_service_account ON sensor_readings;
DROP POLICY IF EXISTS sensor_readings_site_isolation ON sensor_readings;
ALTER TABLE sensor_readings DISABLE ROW LEVEL SECURITY;
