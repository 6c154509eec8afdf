-- dunlin: depends iot.foundational/10, iot.ess-signals/12
SELECT cron.schedule_in_database('iotmetrics-ess-signals', '*/10 * * * *', $$SELECT timeseries.perform_rollup('payload.ess_signals')$$, 'metrics');
