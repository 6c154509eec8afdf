-- A set of its own: its versions start again at 1. In one history with the foundation, as the three Flyway
-- locations were once run, V1 and V2 would exist twice, which Flyway refuses.
CREATE TABLE payload.ess_summary (
    day            timestamptz NOT NULL,
    device_id      uuid NOT NULL,
    measure        text NOT NULL,
    value          double precision NOT NULL,
    PRIMARY KEY (device_id, measure, day)
);

SELECT timeseries.make_hypertable('payload.ess_summary', 'day', INTERVAL '30 days');
