-- stream_id is edge_devices.id of the core database, where devices are registered.
CREATE TABLE sensor_readings (
    stream_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    value double precision NOT NULL,
    unit varchar(50) NOT NULL,
    site_id uuid NOT NULL,
    CONSTRAINT pk_sensor_readings PRIMARY KEY (stream_id, ts)
);

-- Convert to hypertable
SELECT create_hypertable(
    'sensor_readings',
    'ts',
    chunk_time_interval => INTERVAL '1 day',
    if_not_exists => TRUE
);

-- Add indexes. Plain: TimescaleDB refuses CONCURRENTLY on a hypertable, and this one is still empty.
CREATE INDEX ix_sensor_readings_site_id_ts
    ON sensor_readings USING BRIN (site_id, ts);
