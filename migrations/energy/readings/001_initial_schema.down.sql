DROP TABLE IF EXISTS energy_readings;
DROP TABLE IF EXISTS temperature_readings;
DROP TABLE IF EXISTS schema_migrations;
DROP SCHEMA IF EXISTS energy;
