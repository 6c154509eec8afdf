//! Jobs as the servers have them, and what came of their runs.

use dunlin_planner::{JobFacts, JobRun, LiveJob, Schedule, TargetName, Timestamp};
use serde::Serialize;

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain, shorten};
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARN, count, paint};
use crate::when::{between, moment, rfc3339, span};

/// The most room that a command or a message gets.
const WIDTH: usize = 60;

/// One place of jobs.
#[derive(Debug)]
pub struct Crontab<'a> {
    /// Its target.
    pub target: &'a TargetName,
    /// What it says.
    pub facts: &'a JobFacts,
    /// The jobs that are shown.
    pub jobs: Vec<&'a LiveJob>,
    /// Runs of them, newest first.
    pub runs: Vec<JobRun>,
}

impl Crontab<'_> {
    fn head(&self) -> String {
        let said = format!(
            "pg_cron {}, {}; schedules go by {}",
            self.facts.version,
            count(self.jobs.len(), "job"),
            self.facts.zone
        );
        format!("{}  {}\n", paint(NAME.bold(), self.target), paint(DIM, said))
    }

    fn last(&self, job: &LiveJob) -> Option<&JobRun> {
        self.runs.iter().find(|run| run.job == job.id)
    }

    /// When it comes next, on the clock of its schedules; none where it rests or does not go by the clock.
    fn next(&self, job: &LiveJob) -> Option<i64> {
        let schedule = Schedule::parse(&job.schedule).ok()?;
        self.facts.clock.filter(|_| job.active).and_then(|now| schedule.next(now))
    }

    fn state(&self, job: &LiveJob) -> String {
        match (job.active, self.facts.words.get(&job.id)) {
            (true, None) => "goes on".to_owned(),
            (true, Some(word)) => format!("goes on, as {} said", one_line(&word.by)),
            (false, Some(word)) if !word.active => {
                let why = word.reason.as_deref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
                format!("paused by {}{why}", one_line(&word.by))
            }
            (false, _) => "paused".to_owned(),
        }
    }

    fn coming(&self, job: &LiveJob) -> String {
        let by = Schedule::parse(&job.schedule).ok();
        match (self.next(job), by) {
            (Some(at), _) => format!("next {}", &moment(Timestamp(at * 1_000_000))[..16]),
            (None, Some(schedule)) if job.active => schedule.to_string(),
            _ => String::new(),
        }
    }
}

/// Every job with its state, its last run and its next.
#[must_use]
pub fn crontabs(crontabs: &[Crontab<'_>], width: usize) -> String {
    let one = |crontab: &Crontab<'_>| {
        let mut grid = Grid::new(2);
        for job in &crontab.jobs {
            let name = if job.name.is_empty() { format!("job {}", job.id) } else { one_line(&job.name) };
            let last = crontab.last(job);
            let (style, ended) = last.map_or((DIM, "no run is on record".to_owned()), |run| (style(run), ended(run)));
            grid.row([
                cell(BOLD, name),
                plain(one_line(&job.schedule)),
                plain(format!("{} as {}", one_line(&job.database), one_line(&job.user))),
                cell(if job.active { GOOD } else { WARN }, crontab.state(job)),
                cell(style, ended),
                cell(DIM, crontab.coming(job)),
            ]);
        }
        crontab.head() + &grid.render(width)
    };
    crontabs.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Runs, newest first.
#[must_use]
pub fn job_runs(crontabs: &[Crontab<'_>], width: usize) -> String {
    let one = |crontab: &Crontab<'_>| {
        let mut grid = Grid::new(2);
        for run in &crontab.runs {
            let took = run.started.zip(run.ended).map(|(start, end)| span(between(start, end))).unwrap_or_default();
            grid.row([
                plain(run.started.map(moment).unwrap_or_default()),
                cell(style(run), one_line(&run.status)),
                cell(BOLD, one_line(&run.name)),
                cell(DIM, took),
                plain(shorten(&one_line(&run.message), WIDTH)),
            ]);
        }
        let none = if crontab.runs.is_empty() { "  no run is on record\n" } else { "" };
        crontab.head() + &grid.render(width) + none
    };
    crontabs.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn style(run: &JobRun) -> anstyle::Style {
    match run.status.as_str() {
        "succeeded" => GOOD,
        "failed" => BAD,
        _ => WARN,
    }
}

fn ended(run: &JobRun) -> String {
    let at = run.started.map(|at| format!(" {}", moment(at))).unwrap_or_default();
    format!("{}{at}", one_line(&run.status))
}

#[derive(Serialize)]
struct Run<'a> {
    run: u64,
    job: u64,
    name: &'a str,
    status: &'a str,
    message: &'a str,
    started: Option<String>,
    ended: Option<String>,
}

#[derive(Serialize)]
struct Job<'a> {
    #[serde(flatten)]
    job: &'a LiveJob,
    state: String,
    next: Option<String>,
}

#[derive(Serialize)]
struct Target<'a> {
    target: &'a TargetName,
    version: String,
    zone: &'a str,
    jobs: Vec<Job<'a>>,
    runs: Vec<Run<'a>>,
}

impl<'a> Target<'a> {
    fn of(crontab: &'a Crontab<'a>) -> Self {
        let job = |job: &&'a LiveJob| Job {
            job,
            state: crontab.state(job),
            next: crontab.next(job).map(|at| moment(Timestamp(at * 1_000_000))),
        };
        let run = |one: &'a JobRun| Run {
            run: one.run,
            job: one.job,
            name: &one.name,
            status: &one.status,
            message: &one.message,
            started: one.started.map(rfc3339),
            ended: one.ended.map(rfc3339),
        };
        Self {
            target: crontab.target,
            version: crontab.facts.version.to_string(),
            zone: &crontab.facts.zone,
            jobs: crontab.jobs.iter().map(job).collect(),
            runs: crontab.runs.iter().map(run).collect(),
        }
    }
}

/// The same for programs.
#[must_use]
pub fn crontabs_json(crontabs: &[Crontab<'_>]) -> String {
    #[derive(Serialize)]
    struct Shape<'a> {
        crontabs: Vec<Target<'a>>,
    }
    crate::json::pretty(Shape { crontabs: crontabs.iter().map(Target::of).collect() })
}
