//! Sets of jobs: an applied one is planned again where the server's jobs are otherwise.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    AppliedJob, DownRequest, DownScope, Graph, Job, JobChange, JobFacts, Jobs, JobsVersion, LiveJob, Observed, Place,
    Plan, Scope, Selection, UpRequest, plan_down, plan_up,
};
use insta::assert_snapshot;

use crate::support::Fixture;

const PROJECT: &str = "
    target jobs cron
    set cron jobs
    cron/1
    row jobs cron/1
";

fn nightly() -> Job {
    Job {
        name: "nightly".to_owned(),
        schedule: "0 2 * * *".to_owned(),
        command: "SELECT 1".to_owned(),
        database: None,
        user: None,
        active: true,
        place: Place::file("cron/jobs.toml"),
    }
}

/// A server with the job, at these hours as these roles. `dunlin` asks, and has left it behind at two.
fn server(live: &[(u8, &str)]) -> JobFacts {
    let Job { name, schedule, command, user, active, .. } = nightly();
    let live = live.iter().enumerate().map(|(index, (hour, user))| LiveJob {
        id: index as u64 + 1,
        name: name.clone(),
        schedule: format!("0 {hour} * * *"),
        command: command.clone(),
        database: "jobs".to_owned(),
        user: (*user).to_owned(),
        active,
    });
    let live = live.collect();
    let sum = nightly().sum();
    let left = AppliedJob { name, schedule, sum, database: "jobs".to_owned(), user, active };
    JobFacts {
        version: JobsVersion(1, 6),
        installed: true,
        database: "jobs".to_owned(),
        user: "dunlin".to_owned(),
        superuser: false,
        denied: Vec::new(),
        live,
        databases: BTreeSet::from(["jobs".to_owned()]),
        roles: BTreeSet::new(),
        zone: "UTC".to_owned(),
        clock: None,
        applied: BTreeMap::from([("cron/1".parse().unwrap(), vec![left])]),
        words: BTreeMap::new(),
    }
}

/// What is planned over such a server.
fn planned(live: &[(u8, &str)], plan: impl Fn(&Graph<'_>, &Selection, &Fixture) -> Plan) -> String {
    let mut fixture = Fixture::parse(PROJECT);
    fixture.catalog.migrations[0].up.jobs = Some(Jobs { declared: vec![nightly()], ..Jobs::default() });
    let Some(Observed::Facts(facts)) = fixture.observed.values_mut().next() else { unreachable!() };
    facts.jobs = Some(Box::new(server(live)));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let plan = plan(&graph, &Selection::of(&graph, &Scope::default()).unwrap(), &fixture);
    let steps = plan.steps.iter().map(|step| {
        let changes = step.body.jobs.iter().flat_map(|jobs| &jobs.changes).map(told);
        format!("{}: [{}]\n", step.id, changes.collect::<Vec<_>>().join(", "))
    });
    steps.chain(plan.errors().map(|finding| format!("{}: {}\n", finding.code, finding.message))).collect()
}

fn told(change: &JobChange) -> String {
    match change {
        JobChange::Create { job, .. } => format!("create {}", job.name),
        JobChange::Alter { id, what, .. } => {
            let what = what.iter().map(|one| format!("{} `{}` to `{}`", one.key, one.from, one.to));
            format!("alter {id}: {}", what.collect::<Vec<_>>().join(", "))
        }
        JobChange::Remove { id, .. } => format!("remove {id}"),
    }
}

fn up(live: &[(u8, &str)]) -> String {
    planned(live, |graph, selection, fixture| plan_up(graph, selection, &fixture.observed, UpRequest { only: false }))
}

#[test]
fn an_applied_set_is_planned_where_jobs_are_otherwise() {
    assert_snapshot!(up(&[(2, "dunlin")]), @"");
    assert_snapshot!(up(&[(3, "dunlin")]), @"cron/1: [alter 1: schedule `0 3 * * *` to `0 2 * * *`]");
    assert_snapshot!(up(&[]), @"cron/1: [create nightly]");
}

#[test]
fn an_applied_set_whose_jobs_are_not_known_apart_is_refused() {
    assert_snapshot!(up(&[(2, "anna"), (2, "bert")]), @"
    cron/1: []
    job-ambiguous: the server has several jobs `nightly`, of `anna` and `bert`
    ");
}

#[test]
fn taking_a_set_back_removes_its_jobs() {
    let request = DownRequest { scope: DownScope::Last, cascade: false };
    let down =
        |live| planned(live, |graph, selection, fixture| plan_down(graph, selection, &fixture.observed, &request));
    assert_snapshot!(down(&[(3, "dunlin")]), @"cron/1: [remove 1]");
}

#[test]
fn a_selection_reads_the_databases_that_its_jobs_work_in() {
    let mut fixture =
        Fixture::parse(&format!("{PROJECT} target core postgres\n target spare postgres off\n target idle postgres\n"));
    let job = |database: &str| Job { database: Some(database.to_owned()), ..nightly() };
    let declared = ["core", "spare", "none"].map(job).into_iter().chain([nightly()]).collect();
    fixture.catalog.migrations[0].up.jobs = Some(Jobs { declared, ..Jobs::default() });
    let graph = Graph::build(&fixture.catalog).unwrap();
    let scope = Scope { sets: vec!["cron".to_owned()], ..Scope::default() };
    let targets = Selection::of(&graph, &scope).unwrap().targets(&graph);
    assert_eq!(targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["core", "jobs"]);
}
