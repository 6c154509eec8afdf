-- search_path is `energy, public`: the tables belong to the schema energy, whose schema_migrations is this team's
-- own and no other team's.
CREATE SCHEMA IF NOT EXISTS energy;

CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    description TEXT,
    applied_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS temperature_readings (
    time TIMESTAMPTZ NOT NULL,
    sensor_id TEXT NOT NULL,
    location TEXT,
    temperature DOUBLE PRECISION NOT NULL
);

CREATE TABLE IF NOT EXISTS energy_readings (
    time TIMESTAMPTZ NOT NULL,
    meter_id TEXT NOT NULL,
    power_watts DOUBLE PRECISION NOT NULL,
    energy_kwh DOUBLE PRECISION NOT NULL
);

SELECT create_hypertable('temperature_readings', 'time', if_not_exists => TRUE);
SELECT create_hypertable('energy_readings', 'time', if_not_exists => TRUE);

-- After each migration
INSERT INTO schema_migrations (version, description)
VALUES (1, 'Initial schema')
ON CONFLICT (version) DO NOTHING;
