DELETE FROM timeseries.tracked_tables WHERE table_name = 'payload.ess_signals';
DROP TABLE IF EXISTS payload.ess_signals;
