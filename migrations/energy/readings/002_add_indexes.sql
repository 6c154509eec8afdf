-- Plain, not CONCURRENTLY: TimescaleDB refuses that on hypertables.
CREATE INDEX IF NOT EXISTS temperature_readings_sensor_time ON temperature_readings (sensor_id, time DESC);
CREATE INDEX IF NOT EXISTS energy_readings_meter_time ON energy_readings (meter_id, time DESC);

INSERT INTO schema_migrations (version, description)
VALUES (2, 'Add indexes')
ON CONFLICT (version) DO NOTHING;
