-- Roles for a ledger that nobody who migrates owns: a run can add to it and can take nothing out of it.
-- As a superuser, or as the database's owner who may create roles, in every database that Dunlin migrates:
--   dunlin init --roles | psql --set ON_ERROR_STOP=1 DATABASE
-- It can be repeated, and is after Dunlin was upgraded: from here on it alone upgrades the tables. Then:
--   GRANT dunlin_runner TO deployer;    -- dunlin up and down
--   GRANT dunlin_admin TO operator;     -- dunlin repair too
--   GRANT dunlin_reader TO dashboard;   -- dunlin plan, status, history, explain
-- and for each role that migrations run under (`role = "app_owner"` in dunlin.toml), as each body is guarded by its row:
--   GRANT app_owner TO deployer; GRANT USAGE ON SCHEMA dunlin TO app_owner; GRANT SELECT ON dunlin.ledger TO app_owner;
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '10s';
SELECT pg_advisory_xact_lock({lock});

DO $dunlin$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['dunlin_owner', 'dunlin_runner', 'dunlin_admin', 'dunlin_reader'] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END LOOP;
  -- Whoever is no superuser can give things only to roles that it could be.
  IF NOT pg_has_role('dunlin_owner', 'USAGE') THEN
    EXECUTE format('GRANT dunlin_owner TO %I', current_user);
  END IF;
END $dunlin$;

DO $dunlin$
DECLARE odd text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dunlin') THEN
{ledger}
    IF {control} THEN
      {born};
    ELSE
      {born_unknown};
    END IF;
    RETURN;
  END IF;
  -- Somebody else made it: what lies in wait there must not run as whoever runs this.
  SELECT danger INTO odd FROM (
{dangers}
  ) AS danger WHERE NOT by_owner LIMIT 1;
  IF odd IS NULL AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dunlin' AND nspowner = 'dunlin_owner'::regrole) THEN
    WITH found AS (
{shape}
    ), wanted AS (
      SELECT * FROM unnest(string_to_array($shape${expected}$shape$, chr(10))) AS wanted(line)
    )
    SELECT concat('it is not as this version makes it, see `', line, '`') INTO odd FROM (
      (SELECT line COLLATE "C" FROM found EXCEPT SELECT line FROM wanted) UNION ALL (SELECT line FROM wanted EXCEPT SELECT line COLLATE "C" FROM found)
    ) AS differs LIMIT 1;
  END IF;
  IF odd IS NOT NULL THEN
    RAISE EXCEPTION 'the ledger cannot be taken over: %', odd
      USING HINT = 'an older one is upgraded by `dunlin up` as the role that owns it; else find out who made it';
  END IF;
END $dunlin$;
{upgrades}
ALTER SCHEMA dunlin OWNER TO dunlin_owner;
ALTER TABLE dunlin.meta OWNER TO dunlin_owner;
ALTER TABLE dunlin.ledger OWNER TO dunlin_owner;
ALTER TABLE dunlin.obligation OWNER TO dunlin_owner;
ALTER TABLE dunlin.event OWNER TO dunlin_owner;

GRANT USAGE ON SCHEMA dunlin TO dunlin_runner, dunlin_admin, dunlin_reader;
GRANT SELECT ON dunlin.meta, dunlin.ledger, dunlin.obligation, dunlin.event TO dunlin_runner, dunlin_admin, dunlin_reader;
GRANT UPDATE ON dunlin.meta TO dunlin_runner, dunlin_admin;
GRANT INSERT, UPDATE ON dunlin.ledger, dunlin.obligation TO dunlin_runner, dunlin_admin;
GRANT INSERT ON dunlin.event TO dunlin_runner, dunlin_admin;
COMMIT;
