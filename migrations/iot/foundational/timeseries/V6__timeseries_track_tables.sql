CREATE TABLE timeseries.tracked_tables (
    table_name   text PRIMARY KEY,
    time_column  name NOT NULL,
    value_column name NOT NULL,
    series_column name NOT NULL,
    retention    interval,
    tracked_at   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN timeseries.tracked_tables.retention IS 'Older chunks are dropped by maintenance.drop_expired_chunks(); NULL keeps everything';

CREATE PROCEDURE timeseries.track_table(target regclass, time_column name, series_column name, value_column name, retention interval)
LANGUAGE sql
AS $procedure$
    INSERT INTO timeseries.tracked_tables (table_name, time_column, series_column, value_column, retention)
    VALUES (target::text, time_column, series_column, value_column, retention)
    ON CONFLICT (table_name) DO UPDATE
    SET time_column = excluded.time_column,
        series_column = excluded.series_column,
        value_column = excluded.value_column,
        retention = excluded.retention;
$procedure$;
