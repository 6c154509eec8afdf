-- The jobs live here and run in the metrics database, so they wait for the procedures they call there.
-- dunlin: depends iot.foundational/8, iot.foundational/9
SELECT cron.schedule_in_database('iotmetrics-rollups', '5 * * * *', $$CALL timeseries.perform_rollups()$$, 'metrics');
SELECT cron.schedule_in_database('iotmetrics-retention', '15 3 * * *', $$CALL maintenance.drop_expired_chunks()$$, 'metrics');
