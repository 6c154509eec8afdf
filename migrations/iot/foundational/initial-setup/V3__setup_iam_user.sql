-- A role belongs to the whole server: it outlives this database, and another database may have made it already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'iotmetrics_app') THEN
        CREATE ROLE iotmetrics_app LOGIN;
    END IF;
EXCEPTION
    -- somebody else was faster
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- Signing in with IAM instead of a password, where the server knows it (Amazon RDS).
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam') THEN
        GRANT rds_iam TO iotmetrics_app;
    END IF;
END
$$;
