-- In the one database that cron.database_name names; pg_cron exists in no other.
-- dunlin: depends iot.foundational/3
CREATE EXTENSION IF NOT EXISTS pg_cron;

-- iotmetrics_app comes from the metrics database: a role is shared by all databases of the server.
GRANT USAGE ON SCHEMA cron TO iotmetrics_app;
