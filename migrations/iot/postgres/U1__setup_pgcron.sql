-- The extension stays: dropping it would drop the jobs of everybody else.
REVOKE USAGE ON SCHEMA cron FROM iotmetrics_app;
