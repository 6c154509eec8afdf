-- By number: by name, only the jobs of the current user would be found.
SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname IN ('iotmetrics-rollups', 'iotmetrics-retention');
