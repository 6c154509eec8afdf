//! `dunlin cron`: the jobs of pg_cron's databases, what came of their runs, and a person's word on one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_driver::{Driver, JobWord};
use dunlin_planner::{Failure, Finding, JobFacts, LiveJob, Observed, TargetKind, TargetName};
use dunlin_render::Crontab;

use crate::args::{CronArgs, CronCommand, Format, Global, JobArgs, WordArgs};
use crate::confirm::confirm;
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, troubles};

/// Shows jobs, or does something with one.
pub(crate) async fn run(global: &Global, args: &CronArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let cron = Cron::look(&workspace, args.target.as_deref()).await?;
    match &args.command {
        CronCommand::List => cron.list(args.format, terminal).await,
        CronCommand::History { name, limit } => cron.history(name.as_deref(), *limit, args.format, terminal).await,
        CronCommand::Run(job) => cron.run(job, terminal).await,
        CronCommand::Pause(word) => cron.say(word, false, terminal).await,
        CronCommand::Resume(word) => cron.say(word, true, terminal).await,
    }
}

/// The places of jobs, as they answered.
struct Cron<'w> {
    workspace: &'w Workspace,
    observed: BTreeMap<TargetName, Observed>,
}

impl<'w> Cron<'w> {
    async fn look(workspace: &'w Workspace, target: Option<&str>) -> Result<Self, Stop> {
        let wanted = target.map(|name| workspace.target(name)).transpose()?;
        let targets = workspace.catalog().targets.values();
        let places = targets.filter(|target| target.enabled && target.kind == TargetKind::Cron);
        let places: Vec<_> = places.filter(|target| wanted.as_ref().is_none_or(|name| *name == target.name)).collect();
        if places.is_empty() {
            return Err(Stop::because(
                "no-jobs",
                "no target of kind `cron` takes part",
                "declare one under [targets] with `kind = \"cron\"`; its URL names the database that pg_cron keeps its jobs in",
            ));
        }
        let names = places.iter().map(|target| target.name.clone()).collect();
        Ok(Self { workspace, observed: workspace.ask(&names).await? })
    }

    fn answered(&self) -> impl Iterator<Item = (&TargetName, &JobFacts)> {
        let facts = self.observed.values().filter_map(Observed::facts);
        facts.filter_map(|facts| Some((&facts.target, facts.jobs.as_deref()?)))
    }

    async fn driver(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Stop> {
        self.workspace.connectors().driver(target).await.map_err(|failure| failed(target, failure))
    }

    async fn list(&self, format: Format, terminal: Terminal) -> Result<Exit, Stop> {
        self.show(None, 1, |crontabs| match format {
            Format::Text => terminal.data(&dunlin_render::crontabs(crontabs, terminal.width)),
            Format::Json => terminal.data(&dunlin_render::crontabs_json(crontabs)),
        })
        .await?;
        Ok(self.troubles(terminal))
    }

    async fn history(&self, name: Option<&str>, limit: u32, format: Format, terminal: Terminal) -> Result<Exit, Stop> {
        let job = name.map(|name| self.job(name)).transpose()?;
        self.show(job, limit, |crontabs| match format {
            Format::Text => terminal.data(&dunlin_render::job_runs(crontabs, terminal.width)),
            Format::Json => terminal.data(&dunlin_render::crontabs_json(crontabs)),
        })
        .await?;
        Ok(self.troubles(terminal))
    }

    /// Hands on the jobs with at most `most` runs of each, or of the one.
    async fn show(
        &self,
        only: Option<(&TargetName, &LiveJob)>,
        most: u32,
        shown: impl FnOnce(&[Crontab<'_>]),
    ) -> Result<(), Stop> {
        let mut crontabs = Vec::new();
        for (target, facts) in self.answered().filter(|(target, _)| only.is_none_or(|(other, _)| other == *target)) {
            let driver = self.driver(target).await?;
            let runs = driver.job_runs(only.map(|(_, job)| job.id), most).await;
            let runs = runs.map_err(|failure| failed(target, failure))?;
            let jobs = facts.live.iter().filter(|job| only.is_none_or(|(_, one)| one.id == job.id)).collect();
            crontabs.push(Crontab { target, facts, jobs, runs });
        }
        shown(&crontabs);
        Ok(())
    }

    /// The one job of this name.
    fn job(&self, name: &str) -> Result<(&TargetName, &LiveJob), Stop> {
        let jobs = || self.answered().flat_map(|(target, facts)| facts.live.iter().map(move |job| (target, job)));
        let found: Vec<_> = jobs().filter(|(_, job)| job.name == name).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let troubles = troubles(&self.observed);
                if !troubles.is_empty() {
                    return Err(Stop::Findings(troubles));
                }
                let near = dunlin_planner::closest(name, jobs().map(|(_, job)| job.name.as_str()));
                let hint = near.map_or_else(
                    || "`dunlin cron list` shows them".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(Stop::because(
                    "job-unknown",
                    format!("there is no job `{name}`, or this role does not see it"),
                    hint,
                ))
            }
            several => {
                let of: Vec<_> = several.iter().map(|(target, job)| format!("`{target}` as `{}`", job.user)).collect();
                let message = format!("there are several jobs `{name}`: in {}", of.join(", in "));
                Err(Stop::because(
                    "job-ambiguous",
                    message,
                    "choose the database with --target; of several users one only is meant by psql",
                ))
            }
        }
    }

    async fn run(&self, args: &JobArgs, terminal: Terminal) -> Result<Exit, Stop> {
        let (target, job) = self.job(&args.name)?;
        if !args.yes {
            let question = format!("Run `{}` in `{}` as `{}` now?", job.name, job.database, job.user);
            confirm(&question, "add --yes to run it without being asked", terminal)?;
        }
        let driver = self.driver(target).await?;
        let project = &self.workspace.catalog().project;
        driver.run_job(project, job).await.map_err(|failure| failed(target, failure))?;
        terminal.data(&format!("job `{}` ran in `{}` as `{}`\n", job.name, job.database, job.user));
        Ok(Exit::Done)
    }

    async fn say(&self, args: &WordArgs, active: bool, terminal: Terminal) -> Result<Exit, Stop> {
        let (target, job) = self.job(&args.name)?;
        let driver = self.driver(target).await?;
        let catalog = self.workspace.catalog();
        let word = JobWord { active, reason: args.reason.clone() };
        let said = async {
            driver.bootstrap(catalog.environment.as_ref()).await?;
            driver.say_of_job(&catalog.project, job, &word).await?;
            // What is not sealed now is sealed by the next run.
            driver.seal(&catalog.project, None).await.ok();
            Ok(())
        };
        said.await.map_err(|failure| failed(target, failure))?;
        let what = if active { "goes on" } else { "rests until `dunlin cron resume` says otherwise" };
        terminal.data(&format!("job `{}` of `{target}` {what}\n", job.name));
        Ok(Exit::Done)
    }

    fn troubles(&self, terminal: Terminal) -> Exit {
        let troubles = troubles(&self.observed);
        terminal.findings(&troubles);
        exit_of(troubles.iter()).unwrap_or(Exit::Done)
    }
}

fn failed(target: &TargetName, failure: Failure) -> Stop {
    let sqlstate = failure.sqlstate.map(|state| format!(" (SQLSTATE {state})")).unwrap_or_default();
    let finding = Finding::error("job-failed", format!("`{target}`: {}{sqlstate}", failure.message));
    let finding = finding.class(failure.class.finding());
    Stop::Findings(vec![Finding { hint: failure.hint, place: failure.place, ..finding }])
}
