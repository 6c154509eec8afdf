DROP PROCEDURE IF EXISTS timeseries.perform_rollups();
DROP FUNCTION IF EXISTS timeseries.perform_rollup(text);
