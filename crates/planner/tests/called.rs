//! What live jobs call is looked for in the database that they work in.

use dunlin_planner::{
    Declared, Graph, JobFacts, LiveJob, Observed, Scope, Selection, TargetFacts, TargetName, expected,
};

use crate::support::{Fixture, live, server};

const PROJECT: &str = "
    target core postgres oid 1
    target jobs cron oid 2
    target metrics timescale oid 3
    set cron jobs
    set other jobs
    cron/1
    other/1
    row jobs cron/1
    calls cron/1 ts.rollup metrics
";

/// The job as `cron/1` has scheduled it.
fn job() -> LiveJob {
    LiveJob { command: "CALL ts.rollup()".to_owned(), database: "metrics".to_owned(), ..live(1, "dunlin") }
}

/// What is expected of which target, where the server has such a job and `change` was made to what a target says.
fn check(project: &str, job: LiveJob, set: &str, change: impl Fn(&str, &mut TargetFacts)) -> Vec<String> {
    let mut fixture = Fixture::parse(project);
    for (target, seen) in &mut fixture.observed {
        let Observed::Facts(facts) = seen else { panic!("`{target}` was read") };
        facts.database = target.to_string();
        facts.jobs = (target.as_str() == "jobs").then(|| Box::new(JobFacts { live: vec![job.clone()], ..server() }));
        change(target.as_str(), facts);
    }
    let graph = Graph::build(&fixture.catalog).unwrap();
    let scope = Scope { sets: vec![set.to_owned()], ..Scope::default() };
    let selection = Selection::of(&graph, &scope).unwrap();
    let (declared, _) = expected(&graph, &selection, &fixture.observed);
    let told = |(target, declared): (&TargetName, &Declared)| {
        let each = declared.expected.iter().map(|one| format!("{target}: {}", one.promise));
        each.collect::<Vec<_>>()
    };
    declared.iter().flat_map(told).collect()
}

#[test]
fn a_job_that_goes_on_needs_what_it_calls() {
    let says = |job| check(PROJECT, job, "cron", |_, _| {});
    assert_eq!(says(job()), ["metrics: `ts.rollup`, which job `nightly` calls,"]);
    for (why, job) in [
        ("it rests", LiveJob { active: false, ..job() }),
        ("it is another one", LiveJob { name: "weekly".to_owned(), ..job() }),
        ("a later migration gave it another command", LiveJob { command: "CALL other()".to_owned(), ..job() }),
        ("it works where no target leads", LiveJob { database: "elsewhere".to_owned(), ..job() }),
    ] {
        assert!(says(job).is_empty(), "{why}");
    }
}

#[test]
fn only_applied_migrations_that_are_asked_for_count() {
    assert!(check(PROJECT, job(), "other", |_, _| {}).is_empty(), "not asked for");
    assert!(check(&PROJECT.replace("row jobs cron/1", ""), job(), "cron", |_, _| {}).is_empty(), "not applied");
}

#[test]
fn a_database_of_the_same_name_on_another_server_is_another_one() {
    let moved = check(PROJECT, job(), "cron", |target, facts| {
        if target == "metrics" {
            facts.identity.system = "8".to_owned();
        }
    });
    assert!(moved.is_empty(), "{moved:?}");
}
