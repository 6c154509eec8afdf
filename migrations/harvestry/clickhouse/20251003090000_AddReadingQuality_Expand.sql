-- 255 stands for a reading whose gateway did not report a quality.
-- dunlin: phase expand
ALTER TABLE sensor_reading_facts ADD COLUMN quality UInt8 DEFAULT 255;
