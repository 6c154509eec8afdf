DROP TABLE IF EXISTS payload.ess_signal_kinds;

SELECT public.set_number_partitions('payload.ess_signals', 2, 'device_id');
SELECT public.set_chunk_time_interval('payload.ess_signals', INTERVAL '1 day');
