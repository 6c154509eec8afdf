-- The floor of the database: it has no undo.
CREATE SCHEMA IF NOT EXISTS timeseries;
CREATE SCHEMA IF NOT EXISTS payload;
CREATE SCHEMA IF NOT EXISTS maintenance;

COMMENT ON SCHEMA timeseries IS 'Functions and state of tracking, rollups and retention';
COMMENT ON SCHEMA payload IS 'One table per kind of device message';
