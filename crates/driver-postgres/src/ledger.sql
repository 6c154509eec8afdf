-- The ledger: what is applied in this database, by which run, on which evidence. PROTOCOL.md tells how it is used.
-- This is version 1; what came later is in upgrade_2.sql and so on, for new ledgers too.

CREATE SCHEMA dunlin;
COMMENT ON SCHEMA dunlin IS 'The ledger of Dunlin, which migrates this database. Change nothing here by hand: dunlin repair does.';

CREATE TABLE dunlin.meta (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  ledger_id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  protocol integer NOT NULL,
  environment text,
  sysid text NOT NULL,
  dboid oid NOT NULL,
  timeline integer NOT NULL,
  created timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE dunlin.meta IS 'One row: which ledger this is.';
COMMENT ON COLUMN dunlin.meta.one IS 'Keeps the table at one row.';
COMMENT ON COLUMN dunlin.meta.ledger_id IS 'The identity of this ledger; rows of other ledgers refer to it.';
COMMENT ON COLUMN dunlin.meta.protocol IS 'The version of these tables.';
COMMENT ON COLUMN dunlin.meta.environment IS 'The environment this database belongs to; a run for another one is refused.';
COMMENT ON COLUMN dunlin.meta.sysid IS 'The system identifier of the cluster where this ledger was made.';
COMMENT ON COLUMN dunlin.meta.dboid IS 'The oid of the database where this ledger was made.';
COMMENT ON COLUMN dunlin.meta.timeline IS 'The timeline on which this ledger was made.';
COMMENT ON COLUMN dunlin.meta.created IS 'When this ledger was made.';

CREATE TABLE dunlin.ledger (
  project text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  set text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  name text NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('versioned', 'repeatable', 'seed')),
  transactional boolean NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'applied', 'reverting', 'reverted')),
  checksum bytea NOT NULL,
  raw bytea NOT NULL,
  tokens bytea NOT NULL,
  stmt_sums bytea[],
  step integer NOT NULL DEFAULT 0,
  pre jsonb,
  run_id uuid NOT NULL,
  attempt integer NOT NULL DEFAULT 1,
  deps jsonb NOT NULL,
  pid integer,
  started timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  finished timestamptz,
  by_user text NOT NULL DEFAULT session_user,
  tool text NOT NULL,
  PRIMARY KEY (project, id)
);
COMMENT ON TABLE dunlin.ledger IS 'One row per migration that was ever begun here.';
COMMENT ON COLUMN dunlin.ledger.project IS 'The project; several can share a database.';
COMMENT ON COLUMN dunlin.ledger.id IS 'The migration, as set/version.';
COMMENT ON COLUMN dunlin.ledger.set IS 'The migration set.';
COMMENT ON COLUMN dunlin.ledger.version IS 'The version in its set.';
COMMENT ON COLUMN dunlin.ledger.name IS 'The description out of its file name.';
COMMENT ON COLUMN dunlin.ledger.kind IS 'versioned, repeatable or seed.';
COMMENT ON COLUMN dunlin.ledger.transactional IS 'Whether claim, body and finish are one transaction. If so, a visible running or reverting means that the body left it: a person decides.';
COMMENT ON COLUMN dunlin.ledger.state IS 'running, applied, reverting or reverted.';
COMMENT ON COLUMN dunlin.ledger.checksum IS 'SHA-256 of the text that ran.';
COMMENT ON COLUMN dunlin.ledger.raw IS 'SHA-256 of the file.';
COMMENT ON COLUMN dunlin.ledger.tokens IS 'SHA-256 of the text without comments and white space.';
COMMENT ON COLUMN dunlin.ledger.stmt_sums IS 'SHA-256 of each statement, of one that runs statement by statement.';
COMMENT ON COLUMN dunlin.ledger.step IS 'How many of its statements are finished.';
COMMENT ON COLUMN dunlin.ledger.pre IS 'Written before a statement that runs by itself is sent, removed when it is finished: while it is here, the statement may have run.';
COMMENT ON COLUMN dunlin.ledger.run_id IS 'The run that wrote this row.';
COMMENT ON COLUMN dunlin.ledger.attempt IS 'How often the migration was taken up; every write of an attempt checks it, so that one that was overtaken cannot write.';
COMMENT ON COLUMN dunlin.ledger.deps IS 'What it needed when it ran: [{"id", "ledger"}].';
COMMENT ON COLUMN dunlin.ledger.pid IS 'The backend that ran it.';
COMMENT ON COLUMN dunlin.ledger.started IS 'When it was begun, by the clock of this server.';
COMMENT ON COLUMN dunlin.ledger.finished IS 'When it was finished, by the clock of this server.';
COMMENT ON COLUMN dunlin.ledger.by_user IS 'The role that logged in to run it.';
COMMENT ON COLUMN dunlin.ledger.tool IS 'The program and version that ran it.';

CREATE TABLE dunlin.obligation (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  undo_sql text NOT NULL,
  since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  done timestamptz
);
COMMENT ON TABLE dunlin.obligation IS 'What was paused for a migration and has to be resumed, even if the run that paused it is gone.';
COMMENT ON COLUMN dunlin.obligation.seq IS 'The order in which they arose.';
COMMENT ON COLUMN dunlin.obligation.project IS 'The project of the migration.';
COMMENT ON COLUMN dunlin.obligation.id IS 'The migration that it was paused for.';
COMMENT ON COLUMN dunlin.obligation.undo_sql IS 'What resumes it.';
COMMENT ON COLUMN dunlin.obligation.since IS 'When it was paused.';
COMMENT ON COLUMN dunlin.obligation.done IS 'When it was resumed.';

CREATE TABLE dunlin.event (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  project text COLLATE "C" NOT NULL,
  id text COLLATE "C",
  run_id uuid,
  what text COLLATE "C" NOT NULL,
  who text NOT NULL DEFAULT session_user,
  detail jsonb,
  prev bytea,
  hash bytea
);
COMMENT ON TABLE dunlin.event IS 'What happened, in order; rows are only ever added.';
COMMENT ON COLUMN dunlin.event.seq IS 'The order.';
COMMENT ON COLUMN dunlin.event.at IS 'When, by the clock of this server.';
COMMENT ON COLUMN dunlin.event.project IS 'The project.';
COMMENT ON COLUMN dunlin.event.id IS 'The migration, where it concerns one.';
COMMENT ON COLUMN dunlin.event.run_id IS 'The run.';
COMMENT ON COLUMN dunlin.event.what IS 'What happened, in one word.';
COMMENT ON COLUMN dunlin.event.who IS 'The role that logged in.';
COMMENT ON COLUMN dunlin.event.detail IS 'More about it.';
COMMENT ON COLUMN dunlin.event.prev IS 'The hash of the run before, where runs are chained.';
COMMENT ON COLUMN dunlin.event.hash IS 'The hash over prev and the events of the run, in its last event.';
