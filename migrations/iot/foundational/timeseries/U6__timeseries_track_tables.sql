DROP PROCEDURE IF EXISTS timeseries.track_table(regclass, name, name, name, interval);
DROP TABLE IF EXISTS timeseries.tracked_tables;
