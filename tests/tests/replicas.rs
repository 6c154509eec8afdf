//! Standbys, failovers, and commits that wait for a synchronous standby.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::{Duration, Instant};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Standby};
use dunlin_tests::{Project, Running, Server, home, wait_until};
use nix::sys::signal::Signal;

const ONE: &str = r#"
//- dunlin.toml
[project]
name = "acme"

[targets.one]
kind = "postgres"
url = "${ONE}"

[services.a]
target = "one"
path = "a"

//- a/1_audit.up.sql
CREATE TABLE audit (what text);
INSERT INTO audit VALUES ('a/1');
//- a/1_audit.down.sql
DROP TABLE audit;
"#;

/// What another database adds; some steps give a test time.
const TWO: &str = r#"
[targets.two]
kind = "postgres"
url = "${TWO}"

[services.b]
target = "two"
path = "b"

//- a/2_more.up.sql
INSERT INTO audit VALUES ('a/2');
SELECT pg_sleep(0.8);
//- b/1_base.up.sql
-- dunlin: depends a/2
CREATE TABLE audit (what text);
INSERT INTO audit VALUES ('b/1');
//- a/3_last.up.sql
-- dunlin: depends b/1
INSERT INTO audit VALUES ('a/3');
SELECT pg_sleep(0.8);
"#;

/// The files of both databases.
fn both() -> String {
    ONE.replacen("\n//- a/1", &format!("{TWO}//- a/1"), 1)
}

fn primary(settings: &[(&str, &str)]) -> Cluster {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let spec = ClusterSpec { settings, ..ClusterSpec::temporary(home(), Flavour::Plain) };
    Cluster::start(&spec, &|_| {}).unwrap()
}

/// What `dunlin` says to each line of `commands`.
fn transcript(project: &Project, commands: &str) -> String {
    let said = commands.lines().map(|words| format!("$ dunlin {words}\n{}", project.says(words)));
    said.collect::<Vec<_>>().join("\n\n")
}

fn audit(server: impl Fn(&str) -> String) -> String {
    server("SELECT string_agg(what, ' ' ORDER BY what) FROM audit")
}

#[test]
fn a_standby_is_refused_and_of_several_hosts_the_primary_is_found() {
    let primary = primary(&[]);
    let standby = Standby::of(&primary).unwrap();
    let project = |url: &str| Project::of(ONE).with("ONE", url);
    insta::assert_snapshot!(transcript(&project(&standby.url("postgres")), "status\nplan\nup --yes\ndown --version a/1 --yes"), @"
    $ dunlin status
    [stdout]
    one  postgres  PostgreSQL VERSION (standby) no ledger yet
      a  1 pending
        1  pending  audit

    1 migration: 1 pending
    [exit 0]

    $ dunlin plan
    [stdout]
    error[standby]: the server of `one` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.one]
      |          ^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]

    $ dunlin up --yes
    [stdout]
    error[standby]: the server of `one` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.one]
      |          ^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]

    $ dunlin down --version a/1 --yes
    [stdout]
    error[standby]: the server of `one` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.one]
      |          ^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]
    ");
    assert_eq!(primary.psql("postgres", "SELECT to_regnamespace('dunlin') IS NULL").unwrap(), "t");
    let both = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", standby.port(), primary.port());
    let _ = project(&both).dunlin().run("up --yes").exits(0);
    assert_eq!(audit(|query| primary.psql("postgres", query).unwrap()), "a/1");
}

/// Reads on to an event about a migration.
fn reach(run: &mut Running, kind: &str, migration: &str) {
    while let Some(event) = run.next_event() {
        if event["event"] == kind && event["migration"] == migration {
            return;
        }
    }
    panic!("the run ended before `{kind}` of {migration}");
}

#[test]
fn what_a_failover_loses_is_done_again_in_the_same_run() {
    let primary = primary(&[]);
    let standby = Standby::of(&primary).unwrap();
    let other = Server::shared();
    let two = other.scratch();
    let one = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", primary.port(), standby.port());
    let project = Project::of(&both()).with("ONE", one).with("TWO", two.url());
    let mut run = project.dunlin().start("up --yes");
    reach(&mut run, "step-ended", "a/1");
    standby.catch_up(&primary).unwrap();
    standby.cut_off().unwrap();
    reach(&mut run, "step-started", "a/3");
    primary.halt().unwrap();
    standby.promote().unwrap();
    let ended = run.finish().exits(0);
    assert_eq!(audit(|query| standby.psql("postgres", query).unwrap()), "a/1 a/2 a/3");
    assert_eq!(audit(|query| two.sql(query)), "b/1");
    let failovers: Vec<_> = ended.events().filter(|event| event["event"] == "failed-over").collect();
    assert_eq!(failovers.len(), 1, "{}", ended.stderr);
    let [from, to, again] = ["from", "to", "again"].map(|key| failovers[0][key].as_u64().unwrap());
    assert_eq!((from, to, again), (1, 2, 2));
    insta::assert_snapshot!(project.hide(&ended.stdout), @"
    Run RUN: 4 of 4 steps done in TIME

      one  3 done  TIME of work, log HEAD
      two  1 done  TIME of work, log HEAD

    Lost when another server took over, and done again: `a/2`. Done before that, upon what was lost:
    `b/1`. See that what it took over from there is right.

    Done: 4 migrations applied.
    ");
    let status = project.says("status");
    assert!(status.contains("4 migrations: 4 applied\n"), "{status}");
}

/// Waits until a commit waits for a standby.
fn stalled(server: &Cluster) {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    wait_until("a commit waits", || server.psql("postgres", query).unwrap() != "0");
}

/// Ends the waiting, as an administrator might.
fn end(server: &Cluster, way: &str) {
    let end = format!("SELECT pg_{way}_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    server.psql("postgres", &end).unwrap();
}

fn release(server: &Cluster) {
    server.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()").unwrap();
}

/// A project whose first database waits for a standby that nobody has seen.
fn ghostly(server: &Cluster, two: &str) -> Project {
    let files = both().replace("SELECT pg_sleep(0.8);\n", "").replace("-- dunlin: depends b/1\n", "");
    server.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ghost'; SELECT pg_reload_conf()").unwrap();
    Project::of(&files).with("ONE", server.url("postgres")).with("TWO", two)
}

#[test]
fn a_commit_that_waits_for_a_standby_is_told_and_awaited() {
    let (server, other) = (primary(&[]), Server::shared());
    let two = other.scratch();
    let project = ghostly(&server, &two.url());
    let mut run = project.dunlin().start("up --yes");
    stalled(&server);
    let told = std::iter::from_fn(|| run.next_event()).find(|event| event["event"] == "noticed").unwrap();
    assert_eq!(told["notice"]["message"], "committed here, and waiting for the synchronous standby `ghost`");
    for way in ["cancel", "terminate"] {
        end(&server, way);
        stalled(&server);
    }
    assert_eq!(two.sql("SELECT to_regclass('audit') IS NULL"), "t", "what needs it elsewhere waits");
    release(&server);
    let _ = run.finish().exits(0);
    assert_eq!(audit(|query| server.psql("postgres", query).unwrap()), "a/1 a/2 a/3");
}

#[test]
fn what_is_applied_and_not_yet_replicated_is_reported_so() {
    let (server, other) = (primary(&[]), Server::shared());
    let two = other.scratch();
    let project = ghostly(&server, &two.url());
    let run = project.dunlin().start("up --yes --to a/1");
    stalled(&server);
    let since = Instant::now();
    run.signal(Signal::SIGTERM);
    let stopped = run.finish().exits(75);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    insta::assert_snapshot!(project.hide(&stopped.stdout), @"
    Run RUN: 0 of 1 step done in TIME

      one  1 not yet replicated  TIME of work, log HEAD

    error: `a/1` is applied on one: not yet replicated to the synchronous standby `ghost`
    hint: it is applied where it ran; see that the standby runs and follows, then run it again: what needs it in other databases waits

    The run was stopped. Next: run `dunlin up` again; what is done is not repeated.
    ");
    assert_eq!(audit(|query| server.psql("postgres", query).unwrap()), "a/1", "the commit stands");
    release(&server);
    let _ = project.dunlin().run("up --yes").exits(0);
    assert_eq!(audit(|query| server.psql("postgres", query).unwrap()), "a/1 a/2 a/3", "once each");
}

#[test]
fn a_killed_run_whose_commit_still_waits_is_named() {
    let (server, other) = (primary(&[]), Server::shared());
    let two = other.scratch();
    let project = ghostly(&server, &two.url());
    let run = project.dunlin().start("up --yes --to a/1");
    stalled(&server);
    run.kill();
    let busy = project.dunlin().run("up --yes --to a/1 --lock-wait 2s").exits(75).stdout;
    assert!(busy.contains("`a/1` is held by process "), "{busy}");
    assert!(busy.contains(", and its commit waits for the synchronous standby `ghost`"), "{busy}");
    release(&server);
    let _ = project.dunlin().run("up --yes --to a/1").exits(0);
    assert_eq!(audit(|query| server.psql("postgres", query).unwrap()), "a/1");
}

#[test]
fn nothing_elsewhere_relies_on_what_is_not_yet_replicated() {
    let (server, other) = (primary(&[]), Server::shared());
    let two = other.scratch();
    let project = ghostly(&server, &two.url());
    release(&server);
    let _ = project.dunlin().run("up --yes --service a").exits(0);
    let _ = ghostly(&server, &two.url());
    insta::assert_snapshot!(transcript(&project, "up --yes"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      two  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  two  b/1  base

    3 migrations are applied already.

    CLOCK run RUN starts: 1 step
    CLOCK two  its ledger is ready
    CLOCK two  b/1 failed after TIME: what it needs in `one` is not yet replicated to the synchronous standby `ghost`
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      two  1 failed  TIME of work

    error: `b/1` failed on two: what it needs in `one` is not yet replicated to the synchronous standby `ghost`
    hint: see that the standby runs and follows, then run it again

    Something stood in the way that may be gone soon. Next: run `dunlin up` again; what is done is not
    repeated.
    [exit 75]
    ");
    release(&server);
    let _ = project.dunlin().run("up --yes").exits(0);
}

#[test]
fn what_a_role_says_of_its_commits_does_not_keep_a_crash_from_being_found_out() {
    let server = primary(&[]);
    server.psql("postgres", "ALTER ROLE postgres SET synchronous_commit = off").unwrap();
    let files = ONE.replace("CREATE TABLE audit (what text);", DEFERRED);
    let project = Project::of(&files).with("ONE", server.url("postgres"));
    let _ = project.dunlin().run("up --yes").exits(0);
    assert_eq!(server.psql("postgres", "SELECT now FROM seen").unwrap(), "on");
}

/// A deferred trigger sees how its transaction is committed.
const DEFERRED: &str = "\
CREATE TABLE audit (what text);
CREATE TABLE seen (now text);
CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seen();";
