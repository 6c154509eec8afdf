-- From version 2 of the ledger to version 3: obligations are owed by runs. Nothing wrote any before.
ALTER TABLE dunlin.obligation DROP COLUMN id;
ALTER TABLE dunlin.obligation ADD COLUMN run_id uuid NOT NULL;
ALTER TABLE dunlin.obligation ADD COLUMN what text NOT NULL;
ALTER TABLE dunlin.obligation ADD COLUMN by_user text NOT NULL DEFAULT session_user;
COMMENT ON TABLE dunlin.obligation IS 'What a run paused and has to be resumed, even if that run is gone.';
COMMENT ON COLUMN dunlin.obligation.project IS 'The project of the run.';
COMMENT ON COLUMN dunlin.obligation.run_id IS 'The run that owes it. It lives as long as a session holds the advisory lock that follows from it.';
COMMENT ON COLUMN dunlin.obligation.what IS 'What is paused, for people.';
COMMENT ON COLUMN dunlin.obligation.by_user IS 'The role that logged in to pause it.';
