DROP TABLE IF EXISTS timeseries.rollup_progress;
DROP TABLE IF EXISTS timeseries.rollups;
