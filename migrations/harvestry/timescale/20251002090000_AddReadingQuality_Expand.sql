-- dunlin: phase expand
ALTER TABLE sensor_readings ADD COLUMN quality smallint;

COMMENT ON COLUMN sensor_readings.quality IS 'NULL until the gateway reports it';
