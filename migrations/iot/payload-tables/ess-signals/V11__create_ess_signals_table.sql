-- Signals of energy storage systems. device_id is edge_devices.id of the core database: no foreign key can say
-- so across databases, platform-dependencies.toml does.
CREATE TABLE payload.ess_signals (
    ts        timestamptz NOT NULL,
    device_id uuid NOT NULL,
    signal    text NOT NULL,
    value     double precision,
    quality   smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, signal, ts)
);

SELECT timeseries.make_hypertable('payload.ess_signals', 'ts', INTERVAL '1 day');

-- Here and not in V12: TimescaleDB cannot take a dimension away again, only the table with it.
SELECT public.add_dimension('payload.ess_signals', public.by_hash('device_id', 2));

CALL timeseries.track_table('payload.ess_signals', 'ts', 'signal', 'value', INTERVAL '90 days');
