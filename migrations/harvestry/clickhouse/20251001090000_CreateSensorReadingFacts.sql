CREATE TABLE sensor_reading_facts (
    site_id UUID,
    stream_id UUID,
    ts DateTime,
    value Float64,
    unit String
)
ENGINE = MergeTree()
PARTITION BY toYYYYMM(ts)
ORDER BY (site_id, stream_id, ts);
