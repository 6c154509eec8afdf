ALTER TABLE temperature_readings DROP COLUMN IF EXISTS humidity;

DELETE FROM schema_migrations WHERE version = 4;
