CREATE MATERIALIZED VIEW daily_site_averages
ENGINE = AggregatingMergeTree()
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, unit, day)
AS SELECT
    site_id,
    unit,
    toDate(ts) AS day,
    avgState(value) AS average,
    countState() AS samples
FROM sensor_reading_facts
GROUP BY site_id, unit, day;
