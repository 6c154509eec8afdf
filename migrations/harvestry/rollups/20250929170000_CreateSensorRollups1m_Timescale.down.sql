-- The policy goes with the view. No CASCADE: what is built on it should stop this, not vanish.
DROP MATERIALIZED VIEW IF EXISTS sensor_rollups_1m;
