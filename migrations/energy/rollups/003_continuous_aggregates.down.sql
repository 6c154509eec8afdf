-- The policies go with their views.
DROP MATERIALIZED VIEW IF EXISTS temperature_hourly;
DROP MATERIALIZED VIEW IF EXISTS energy_hourly;

DELETE FROM schema_migrations WHERE version = 3;
