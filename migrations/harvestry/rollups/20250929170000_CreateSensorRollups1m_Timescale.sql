-- A set of its own, because continuous aggregates need the Timescale License build of TimescaleDB. It makes none of a table
-- under row security, which therefore goes off and on again within this transaction; nobody sees the table without it.
-- The aggregate itself has every site's rows: the policies of sensor_readings do not hold for it.
ALTER TABLE sensor_readings DISABLE ROW LEVEL SECURITY;

CREATE MATERIALIZED VIEW IF NOT EXISTS sensor_rollups_1m
WITH (timescaledb.continuous) AS
SELECT
    site_id,
    stream_id,
    time_bucket('1 minute', ts) AS bucket,
    AVG(value) AS avg_value,
    MIN(value) AS min_value,
    MAX(value) AS max_value,
    COUNT(*) AS sample_count
FROM sensor_readings
GROUP BY site_id, stream_id, bucket
WITH NO DATA;

ALTER TABLE sensor_readings ENABLE ROW LEVEL SECURITY;

-- Add refresh policy
SELECT add_continuous_aggregate_policy(
    'sensor_rollups_1m',
    start_offset => INTERVAL '2 hours',
    end_offset => INTERVAL '1 minute',
    schedule_interval => INTERVAL '1 minute'
);
