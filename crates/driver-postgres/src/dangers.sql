-- What makes a ledger untrustworthy, one line each: someone else could have prepared it to run code as whoever migrates,
-- or to show rows that are not there. Reads the catalogs only, so that nothing prepared can run. An owner (`by_owner`) can do
-- harm later only, to whoever writes.
WITH space AS (
  SELECT n.oid, n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = 'dunlin'
), relation AS (
  SELECT c.* FROM pg_catalog.pg_class c JOIN space s ON c.relnamespace = s.oid WHERE c.relname IN ('meta', 'ledger', 'obligation', 'event')
), owner AS (
  SELECT 'schema `dunlin`' AS what, nspowner AS oid FROM space
  UNION ALL SELECT pg_catalog.format('table `dunlin.%s`', relname), relowner FROM relation
)
SELECT pg_catalog.format('%s belongs to `%s`', what, r.rolname) AS danger, true AS by_owner
  FROM owner o JOIN pg_catalog.pg_roles r ON r.oid = o.oid
  WHERE NOT (r.rolname = current_user OR r.rolsuper OR r.rolname = 'dunlin_owner')
UNION ALL SELECT pg_catalog.format('`dunlin.%s` is not an ordinary table', relname), false
  FROM relation WHERE relkind <> 'r' OR relpersistence <> 'p' OR relispartition
UNION ALL SELECT pg_catalog.format('`dunlin.%s` has row security', relname), false
  FROM relation WHERE relrowsecurity OR relforcerowsecurity
UNION ALL SELECT pg_catalog.format('`dunlin.%s` has the trigger `%s`', c.relname, t.tgname), false
  FROM relation c JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid
UNION ALL SELECT pg_catalog.format('`dunlin.%s` has the rule `%s`', c.relname, w.rulename), false
  FROM relation c JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid
UNION ALL SELECT pg_catalog.format('`dunlin.%s` takes part in inheritance', c.relname), false
  FROM relation c JOIN pg_catalog.pg_inherits i ON c.oid IN (i.inhrelid, i.inhparent)
UNION ALL SELECT pg_catalog.format('`dunlin.%s` is missing', wanted), false
  FROM (VALUES ('meta'), ('ledger'), ('obligation'), ('event')) AS t(wanted)
  WHERE EXISTS (SELECT FROM space) AND NOT EXISTS (SELECT FROM relation c WHERE c.relname = wanted)
ORDER BY 1
