DROP FUNCTION IF EXISTS timeseries.last_complete_bucket(interval);
DROP FUNCTION IF EXISTS timeseries.make_hypertable(regclass, name, interval);
