CREATE TABLE timeseries.rollups (
    bucket     timestamptz NOT NULL,
    table_name text NOT NULL REFERENCES timeseries.tracked_tables ON DELETE CASCADE,
    device_id  uuid NOT NULL,
    series     text NOT NULL,
    average    double precision,
    minimum    double precision,
    maximum    double precision,
    samples    bigint NOT NULL,
    PRIMARY KEY (table_name, device_id, series, bucket)
);

SELECT timeseries.make_hypertable('timeseries.rollups', 'bucket', INTERVAL '30 days');

-- How far each tracked table has been rolled up.
CREATE TABLE timeseries.rollup_progress (
    table_name   text PRIMARY KEY REFERENCES timeseries.tracked_tables ON DELETE CASCADE,
    rolled_up_to timestamptz NOT NULL
);
