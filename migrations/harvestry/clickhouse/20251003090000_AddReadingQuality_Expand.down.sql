ALTER TABLE sensor_reading_facts DROP COLUMN quality;
