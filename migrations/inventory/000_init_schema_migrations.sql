BEGIN;

-- search_path is `fluxion, public`: this schema_migrations stands beside those of other teams.
-- A system migration: it is always applied first and never taken back.
CREATE SCHEMA IF NOT EXISTS fluxion;

CREATE TABLE IF NOT EXISTS schema_migrations (
    version VARCHAR(3) PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    execution_time_ms INTEGER,
    checksum CHAR(64)
);

COMMENT ON TABLE schema_migrations IS 'Migrations applied to the inventory';

INSERT INTO schema_migrations (version, name)
VALUES ('000', 'init_schema_migrations')
ON CONFLICT (version) DO NOTHING;

COMMIT;
