//! A project with declared jobs of pg_cron, and the server that has them.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    AppliedJob, DownRequest, DownScope, Graph, Job, JobChange, JobFacts, Jobs, JobsVersion, LiveJob, Observed, Place,
    Plan, Scope, Selection, Step, TargetFacts, UpRequest, plan_down, plan_up, status,
};

use super::{Fixture, listed};

const PROJECT: &str = "
    target jobs cron
    set cron jobs
    cron/jobs repeatable
    row jobs cron/jobs
";

/// The set `cron` declares the job `nightly`, and the server has it as `dunlin`, who asks, applied it. Each test changes what is
/// otherwise.
pub(crate) struct Crontab(pub(crate) Fixture);

impl Crontab {
    /// With further lines of the language of [`Fixture`].
    pub(crate) fn parse(lines: &str) -> Self {
        let mut crontab = Self(Fixture::parse(&format!("{PROJECT}{lines}")));
        crontab.declare("cron/jobs", vec![nightly()]);
        crontab.target("jobs").jobs = Some(Box::new(server()));
        crontab
    }

    /// Gives a set its declared jobs.
    pub(crate) fn declare(&mut self, id: &str, declared: Vec<Job>) {
        let migrations = &mut self.0.catalog.migrations;
        let set = migrations.iter_mut().find(|one| one.id.to_string() == id).unwrap();
        set.up.jobs = Some(Jobs { declared, ..Jobs::default() });
        set.down = Some(set.up.clone());
    }

    /// The job as the file declares it.
    pub(crate) fn job(&mut self) -> &mut Job {
        &mut self.0.catalog.migrations[0].up.jobs.as_mut().unwrap().declared[0]
    }

    /// The job as it was left behind.
    pub(crate) fn left(&mut self) -> &mut AppliedJob {
        &mut self.server().applied.values_mut().next().unwrap()[0]
    }

    /// The job as the server has it.
    pub(crate) fn live(&mut self) -> &mut LiveJob {
        &mut self.server().live[0]
    }

    pub(crate) fn server(&mut self) -> &mut JobFacts {
        self.target("jobs").jobs.as_mut().unwrap()
    }

    pub(crate) fn target(&mut self, name: &str) -> &mut TargetFacts {
        match self.0.observed.get_mut(&name.parse().unwrap()) {
            Some(Observed::Facts(facts)) => facts,
            _ => panic!("`{name}` is not declared, off, or unreachable"),
        }
    }

    /// What `up` does to the server's jobs, and what it finds.
    pub(crate) fn up(&self) -> String {
        self.with(|graph, all| told(&plan_up(graph, all, &self.0.observed, UpRequest { only: false })))
    }

    /// What `up` finds.
    pub(crate) fn found_by_up(&self) -> String {
        self.with(|graph, all| listed(&plan_up(graph, all, &self.0.observed, UpRequest { only: false }).findings))
    }

    /// What `status` finds.
    pub(crate) fn found_by_status(&self) -> String {
        self.with(|graph, all| listed(&status(graph, all, &self.0.observed).findings))
    }

    /// What `down` does to the server's jobs, and what it finds.
    pub(crate) fn down(&self) -> String {
        let request = DownRequest { scope: DownScope::Last, cascade: false };
        self.with(|graph, all| told(&plan_down(graph, all, &self.0.observed, &request)))
    }

    fn with(&self, asked: impl FnOnce(&Graph<'_>, &Selection) -> String) -> String {
        let graph = Graph::build(&self.0.catalog).unwrap();
        asked(&graph, &Selection::of(&graph, &Scope::default()).unwrap())
    }
}

/// The job as the file declares it.
pub(crate) fn nightly() -> Job {
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

/// The job as the server has it, as this role's.
pub(crate) fn live(id: u64, user: &str) -> LiveJob {
    let Job { name, schedule, command, active, .. } = nightly();
    LiveJob { id, name, schedule, command, database: "jobs".to_owned(), user: user.to_owned(), active }
}

/// The server's jobs, of which Dunlin left this one behind.
pub(crate) fn server() -> JobFacts {
    let Job { name, schedule, user, active, .. } = nightly();
    let left = AppliedJob { name, schedule, sum: nightly().sum(), database: "jobs".to_owned(), user, active };
    JobFacts {
        version: JobsVersion(1, 6),
        installed: true,
        database: "jobs".to_owned(),
        user: "dunlin".to_owned(),
        superuser: false,
        denied: Vec::new(),
        live: vec![live(1, "dunlin")],
        databases: BTreeSet::from(["jobs".to_owned()]),
        roles: BTreeSet::from(["dunlin".to_owned()]),
        zone: "UTC".to_owned(),
        clock: None,
        applied: BTreeMap::from([("cron/jobs".parse().unwrap(), vec![left])]),
        words: BTreeMap::new(),
    }
}

fn told(plan: &Plan) -> String {
    let step = |step: &Step| {
        let jobs = step.body.jobs.as_ref()?;
        let again = if jobs.again == Some(1) { " once more" } else { "" };
        let changes: Vec<_> = jobs.changes.iter().map(change).collect();
        Some(format!("{}{again}: {}\n", step.id, changes.join("; ")))
    };
    plan.steps.iter().filter_map(step).chain([listed(&plan.findings)]).collect()
}

/// One change of a job; what undoes somebody's hand says so, and has a mark at what that hand changed.
fn change(change: &JobChange) -> String {
    let by_hand = if change.is_by_hand() { " by hand" } else { "" };
    match change {
        JobChange::Create { job, .. } => {
            format!("create {} in {}{by_hand}", change.name(), job.database.as_deref().unwrap_or("no database"))
        }
        JobChange::Alter { id, adopted, what, .. } => {
            let how = if *adopted { "adopt" } else { "alter" };
            let what = what.iter().map(|one| {
                format!(", {} `{}` to `{}`{}", one.key, one.from, one.to, if one.by_hand { "!" } else { "" })
            });
            format!("{how} {}#{id}{by_hand}{}", change.name(), what.collect::<String>())
        }
        JobChange::Remove { id, .. } => format!("remove {}#{id}{by_hand}", change.name()),
    }
}
