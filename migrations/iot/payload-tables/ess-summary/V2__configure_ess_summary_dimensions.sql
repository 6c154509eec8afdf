SELECT public.set_chunk_time_interval('payload.ess_summary', INTERVAL '90 days');

INSERT INTO timeseries.tracked_tables (table_name, time_column, series_column, value_column, retention, bucket_width)
VALUES ('payload.ess_summary', 'day', 'measure', 'value', NULL, INTERVAL '7 days');
