-- Concerns chunks made from now on.
SELECT public.set_chunk_time_interval('payload.ess_signals', INTERVAL '6 hours');
SELECT public.set_number_partitions('payload.ess_signals', 4, 'device_id');

CREATE TABLE payload.ess_signal_kinds (
    signal      text PRIMARY KEY,
    unit        text NOT NULL,
    description text NOT NULL
);

COPY payload.ess_signal_kinds (signal, unit, description) FROM stdin;
battery_soc	%	State of charge; 0 is empty
battery_temperature	°C	Hottest cell
grid_power	W	Positive when feeding in
inverter_state		Number of the state; see the "ESS" handbook
\.
