ALTER TABLE sensor_readings DROP COLUMN quality;
