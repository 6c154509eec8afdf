DELETE FROM timeseries.tracked_tables WHERE table_name = 'payload.ess_summary';

SELECT public.set_chunk_time_interval('payload.ess_summary', INTERVAL '30 days');
