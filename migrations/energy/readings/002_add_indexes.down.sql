DROP INDEX IF EXISTS energy_readings_meter_time;
DROP INDEX IF EXISTS temperature_readings_sensor_time;

DELETE FROM schema_migrations WHERE version = 2;
