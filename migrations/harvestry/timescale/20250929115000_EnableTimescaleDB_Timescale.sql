-- The floor of this set: an extension that may have been there before is not taken back.
CREATE EXTENSION IF NOT EXISTS timescaledb;
