-- TimescaleDB refuses to refresh inside a transaction. Repeating it does no harm, and there is nothing to take back.
-- dunlin: transaction none
CALL refresh_continuous_aggregate('energy.energy_hourly', NULL, NULL);
CALL refresh_continuous_aggregate('energy.temperature_hourly', NULL, NULL);
