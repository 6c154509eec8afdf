//! Jobs that rest while a run works, and what a run that is gone left behind.

use dunlin_tests::{Project, Server};

use crate::support::{offline, transcript};

#[test]
fn only_a_target_of_jobs_can_pause_them() {
    insta::assert_snapshot!(offline(r#"
//- dunlin.toml
[project]
name = "acme"
[targets.core]
kind = "postgres"
url = "postgres://localhost/core"
pause = ["maintenance-*"]
[services.auth]
target = "core"
path = "auth"
//- auth/1_users.sql
CREATE TABLE users (id int);
"#, "validate"), @"
    $ dunlin validate
    [stderr]
    error[pause-unsupported]: `targets.core.pause` names jobs of pg_cron, and the target is of kind `postgres`
     --> dunlin.toml:6:1
      |
    6 | pause = …
      | ^^^^^
    hint: move it to the target of kind `cron`: the jobs live there, whatever database they work in
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

const PROJECT: &str = r#"
//- dunlin.toml
[project]
name = "acme"
[targets.core]
kind = "postgres"
url = "${CORE}"
[targets.jobs]
kind = "cron"
url = "${JOBS}"
pause = ["maintenance-*"]
[services.auth]
target = "core"
path = "auth"
//- auth/1_users.sql
CREATE TABLE users (id int);
"#;

/// What a run does that is killed: it has paused, and is gone.
const GONE: &str = "
UPDATE cron.job SET active = false;
INSERT INTO dunlin.obligation (project, run_id, what, undo_sql)
SELECT 'acme', gen_random_uuid(), 'job `maintenance-vacuum`',
  'SELECT cron.alter_job(job_id := jobid, active := true) FROM cron.job WHERE jobid = ' || jobid FROM cron.job";

#[test]
fn what_rests_meanwhile_is_in_the_plan_and_what_was_left_is_resumed_first() {
    let server = Server::own();
    let base = server.scratch();
    let job =
        format!("SELECT cron.schedule_in_database('maintenance-vacuum', '0 0 1 1 *', 'VACUUM', '{}')", base.name());
    let _ = server.sql("postgres", &format!("CREATE EXTENSION IF NOT EXISTS pg_cron; {job}"));
    let project = Project::of(PROJECT).with("CORE", base.url()).with("JOBS", server.url("postgres"));
    let acme = project.hiding(base.name(), "DATABASE");
    planned(&acme);
    let _ = server.sql("postgres", GONE);
    left(&acme);
    let _ = server.sql("postgres", GONE);
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now' USING HINT = 'wait'; END $$; \
                  CREATE TRIGGER refuse BEFORE UPDATE ON cron.job FOR EACH ROW EXECUTE FUNCTION refuse()";
    let _ = server.sql("postgres", refuse);
    refused(&acme);
    let _ = server.sql("postgres", "DROP TRIGGER refuse ON cron.job; SELECT cron.unschedule(jobid) FROM cron.job");
    gone(&acme);
}

fn planned(acme: &Project) {
    insta::assert_snapshot!(transcript(acme, "plan\nup --yes"), @"
    $ dunlin plan
    [stdout]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

    Paused while it runs:
      jobs  job `maintenance-vacuum`  works in core

      1  core  auth/1  users
    [exit 0]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

    Paused while it runs:
      jobs  job `maintenance-vacuum`  works in core

      1  core  auth/1  users

    CLOCK run RUN starts: 1 step
    CLOCK core  its ledger is ready
    CLOCK jobs  its ledger is ready
    CLOCK jobs  paused job `maintenance-vacuum`
    CLOCK core  auth/1 done in TIME
    CLOCK jobs  resumed job `maintenance-vacuum`
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]
    ");
}

fn left(acme: &Project) {
    insta::assert_snapshot!(transcript(acme, "status\nup\nup --yes\nup --yes\nhistory"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied

    jobs  cron  PostgreSQL VERSION, pg_cron VERSION
      paused: job `maintenance-vacuum`, by run RUN, TIME ago; the next `dunlin up` resumes it

    1 migration: 1 applied
    [exit 0]

    $ dunlin up
    [stderr]
    Plan for acme: no step; what an earlier run left paused is resumed

    Resumed first, since the run that paused it is gone:
      jobs  job `maintenance-vacuum`  by run RUN, TIME ago

    error[confirmation-needed]: there is no terminal to ask at
    hint: add --yes to run it without being asked
    [exit 2]

    $ dunlin up --yes
    [stderr]
    Plan for acme: no step; what an earlier run left paused is resumed

    Resumed first, since the run that paused it is gone:
      jobs  job `maintenance-vacuum`  by run RUN, TIME ago

    CLOCK run RUN starts: 0 steps
    CLOCK jobs  resumed job `maintenance-vacuum`, which run RUN had left paused
    [stdout]
    Done: no migration was left to do; job `maintenance-vacuum` goes on again.
    [exit 0]

    $ dunlin up --yes
    [stdout]
    acme: nothing to do: 1 migration applied
    [exit 0]

    $ dunlin history
    [stdout]
    core  1 migration, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME

    jobs  0 migrations, times in UTC
      paused and resumed
        MOMENT  paused   job `maintenance-vacuum`  run RUN
        MOMENT  resumed  job `maintenance-vacuum`  run RUN
        MOMENT  resumed  job `maintenance-vacuum`  run RUN
    [exit 0]
    ");
}

fn refused(acme: &Project) {
    insta::assert_snapshot!(transcript(acme, "up --yes"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: no step; what an earlier run left paused is resumed

    Resumed first, since the run that paused it is gone:
      jobs  job `maintenance-vacuum`  by run RUN, TIME ago

    CLOCK run RUN starts: 0 steps
    CLOCK jobs  job `maintenance-vacuum` could not be resumed: not now
    [stdout]
    error[P0001]: job `maintenance-vacuum` is still paused on jobs: not now
     |
     = context: PL/pgSQL function public.refuse() line 1 at RAISE
                SQL statement "update cron.job set active = $1 where jobid = $2"
    hint: wait

    Something is still paused. Next: mend the cause and run `dunlin up` again: it resumes that first.
    [exit 1]
    "#);
}

fn gone(acme: &Project) {
    insta::assert_snapshot!(transcript(acme, "up --yes"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: no step; what an earlier run left paused is resumed

    Resumed first, since the run that paused it is gone:
      jobs  job `maintenance-vacuum`  by run RUN, TIME ago

    CLOCK run RUN starts: 0 steps
    CLOCK jobs  job `maintenance-vacuum` is not there any more, so nothing is resumed
    [stdout]
    Done: no migration was left to do; job `maintenance-vacuum` is not there any more.
    [exit 0]
    ");
}
