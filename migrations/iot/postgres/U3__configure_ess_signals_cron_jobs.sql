SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'iotmetrics-ess-signals';
