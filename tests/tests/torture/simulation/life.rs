//! The life of one project: up among faults, up without, down among faults, down without, and up again.

use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::Driver;
use dunlin_engine::{Connectors, Execution, Patience, execute, observe};
use dunlin_planner::{
    Class, DownRequest, DownScope, Graph, Kind, MigrationId, Plan, Repair, RunReport, Scope, Selection, UpRequest,
    Verdict, plan_down, plan_up, repaired, repairs, settle,
};
use tokio_util::sync::CancellationToken;

use super::judge;
use super::process::{Network, Process};
use super::project::{Mask, Project, members};
use super::random::Random;
use super::weather::Weather;
use super::world::World;

/// Longer than any connection keeps its locks.
const QUIET: Duration = Duration::from_mins(1);

/// What is asked for, as on the command line.
#[derive(Debug)]
pub(crate) enum Ask {
    Up(Scope),
    /// With everything that needs it.
    Down(MigrationId),
}

/// How a process ended.
enum Ended {
    Crashed,
    /// Nothing ran.
    Refused(Arc<Plan>),
    Ran(Arc<Plan>, RunReport),
}

pub(crate) struct Life {
    pub(crate) random: Random,
    pub(crate) project: Arc<Project>,
    pub(crate) world: Arc<World>,
    /// Processes that do the same at once, while there are faults.
    processes: usize,
    /// What is applied.
    there: Mask,
    /// Processes so far.
    started: usize,
    /// Whether a process among faults always came to its end by itself.
    pub(crate) is_alone: bool,
}

impl Life {
    pub(crate) fn new(seed: u64, processes: usize, is_traced: bool) -> Self {
        let mut random = Random(seed);
        let project = Arc::new(Project::random(&mut random));
        let world = World::new(&project, is_traced);
        Self { random, project, world, processes, there: 0, started: 0, is_alone: true }
    }

    pub(crate) async fn live(&mut self) -> Result<(), String> {
        let scope = self.scope();
        self.up(scope).await?;
        for _ in 0..self.random.below(3) {
            if self.random.percent(50) {
                let mut random = Random(self.random.0);
                Arc::make_mut(&mut self.project).edit(&mut random);
            }
            if let Some(id) = self.one_that_goes_back() {
                self.down(id).await?;
            }
            self.up(Scope::default()).await?;
        }
        Ok(())
    }

    fn scope(&mut self) -> Scope {
        let catalog = &self.project.catalog;
        let mut scope = Scope::default();
        match self.random.below(6) {
            0 => scope.services.push(catalog.services.keys().next().unwrap().to_string()),
            1 => scope.targets.push(catalog.targets.keys().next_back().unwrap().to_string()),
            2 => scope.sets.extend(catalog.sets.keys().take(2).map(ToString::to_string)),
            _ => {}
        }
        scope
    }

    fn one_that_goes_back(&mut self) -> Option<MigrationId> {
        let goes = |number: &usize| self.project.migration(*number).kind == Kind::Versioned;
        let going: Vec<_> = members(self.there).filter(goes).collect();
        (!going.is_empty()).then(|| self.project.migration(going[self.random.below(going.len())]).id.clone())
    }

    async fn up(&mut self, scope: Scope) -> Result<(), String> {
        let after = self.there | self.project.selected(&scope);
        self.reach(&Ask::Up(scope), after).await
    }

    async fn down(&mut self, id: MigrationId) -> Result<(), String> {
        let number = self.project.number[&id];
        let going = self.there & (self.project.holds[number] | 1 << number);
        let ask = Ask::Down(id);
        if members(going).any(|number| self.project.migration(number).way_back().is_none()) {
            return match self.attempt(&self.process(Weather::calm()), &ask).await {
                Ended::Refused(plan) if plan.errors().all(|error| error.code == "down-missing") => Ok(()),
                ended => Err(format!("{ask:?} should be refused:\n{}", told(&ended))),
            };
        }
        self.reach(&ask, self.there & !going).await
    }

    /// Asks for it among faults, then without, and looks whether exactly these are applied in the end.
    async fn reach(&mut self, ask: &Ask, after: Mask) -> Result<(), String> {
        for _ in 0..1 + self.random.below(2) {
            self.storm(ask).await?;
        }
        self.calm(ask).await?;
        self.there = after;
        judge::settled(&self.project, &self.world, after).await?;
        match self.attempt(&self.process(Weather::calm()), ask).await {
            Ended::Ran(plan, _) if plan.steps.is_empty() && plan.findings.is_empty() => Ok(()),
            ended => Err(format!("{ask:?} should have nothing left to do:\n{}", told(&ended))),
        }
    }

    async fn storm(&mut self, ask: &Ask) -> Result<(), String> {
        let mut processes = Vec::new();
        for _ in 0..self.processes {
            let weather = Weather::random(&mut self.random);
            processes.push(self.process(weather));
            self.started += 1;
            self.random.below(2);
        }
        let ended = match processes.as_slice() {
            [one, other] => {
                let (one, other) = tokio::join!(self.attempt(one, ask), self.attempt(other, ask));
                vec![one, other]
            }
            processes => vec![self.attempt(&processes[0], ask).await],
        };
        for (process, ended) in processes.iter().zip(&ended) {
            let is_fast = process.weather.limits.fail_fast;
            match ended {
                Ended::Ran(plan, report) => judge::report(&self.project, &self.world, plan, report, is_fast)?,
                Ended::Refused(plan) => judge::refusal(plan)?,
                Ended::Crashed => {}
            }
            let is_done = matches!(ended, Ended::Ran(_, report) if report.verdict() == Verdict::Done);
            self.is_alone &= is_done;
        }
        self.world.shared().history.wrong()
    }

    /// Without faults one run is enough, or two where a person has to say what became of a statement.
    async fn calm(&mut self, ask: &Ask) -> Result<(), String> {
        for may_doubt in [true, false] {
            let process = self.process(Weather::calm());
            let ended = self.attempt(&process, ask).await;
            self.world.shared().history.wrong()?;
            match &ended {
                Ended::Ran(_, report) if report.verdict() == Verdict::Done => return Ok(()),
                Ended::Ran(plan, report) if report.verdict() == Verdict::Dirty && may_doubt => {
                    judge::report(&self.project, &self.world, plan, report, false)?;
                }
                Ended::Refused(plan) if plan.errors().all(|error| error.class == Class::Dirty) && may_doubt => {}
                _ => return Err(format!("{ask:?} does not come to its end:\n{}", told(&ended))),
            }
            self.repair(&process).await?;
        }
        Err(format!("{ask:?} does not come to its end"))
    }

    fn process(&self, weather: Weather) -> Arc<Process> {
        let name = format!("p{}", self.started);
        let random = Random(self.random.0 ^ self.started as u64);
        Process::new(name, &self.project, &self.world, weather, random)
    }

    async fn attempt(&self, process: &Arc<Process>, ask: &Ask) -> Ended {
        tokio::select! {
            biased;
            () = process.crashed.cancelled() => Ended::Crashed,
            ended = self.work(process, ask) => ended,
        }
    }

    /// What a process does.
    async fn work(&self, process: &Arc<Process>, ask: &Ask) -> Ended {
        let connectors: Arc<dyn Connectors> = Arc::new(Network(Arc::clone(process)));
        let graph = Graph::build(&self.project.catalog).expect("the project is free of cycles");
        let scope = match ask {
            Ask::Up(scope) => scope.clone(),
            Ask::Down(_) => Scope::default(),
        };
        let selection = Selection::of(&graph, &scope).expect("the names are there");
        let limits = process.weather.limits.clone();
        let patience = Patience(limits.unreachable);
        let observed = observe(&connectors, graph.catalog(), &selection.targets(&graph), patience).await;
        let plan = Arc::new(match ask {
            Ask::Up(_) => plan_up(&graph, &selection, &observed, UpRequest::default()),
            Ask::Down(id) => {
                let request = DownRequest { scope: DownScope::Version(id.to_string()), cascade: true };
                plan_down(&graph, &selection, &observed, &request)
            }
        });
        if plan.errors().next().is_some() {
            return Ended::Refused(plan);
        }
        let bodies = Arc::clone(&self.project.texts) as Arc<_>;
        let (stop, events) = (CancellationToken::clone(&process.stop), process.events());
        let report = execute(Arc::clone(&plan), Execution { connectors, bodies, limits, stop, events }).await;
        Ended::Ran(plan, report)
    }

    /// A person looks at every statement in doubt, and says what is so.
    async fn repair(&self, process: &Arc<Process>) -> Result<(), String> {
        tokio::time::sleep(QUIET).await;
        let connectors: Arc<dyn Connectors> = Arc::new(Network(Arc::clone(process)));
        let graph = Graph::build(&self.project.catalog).expect("the project is free of cycles");
        let everything = Selection::of(&graph, &Scope::default()).expect("everything is there");
        let targets = everything.targets(&graph);
        let observed = observe(&connectors, graph.catalog(), &targets, Patience(Duration::ZERO)).await;
        for repairable in repairs(&graph, &everything, &observed) {
            let (target, row, migration) =
                repaired(&graph, &observed, &repairable.id.to_string(), None).map_err(|error| error.message)?;
            judge::doubt(row, migration)?;
            let next = Some(row.step + 1);
            let took_effect =
                self.world.shared().history.progress(self.project.number[&repairable.id]) > row.step as usize;
            let repair =
                if took_effect { Repair::Done { statement: next } } else { Repair::Undone { statement: next } };
            let settlement = settle(migration, row, repair, "it was seen").map_err(|error| error.message)?;
            let settled = self.world.databases[target].settle(&self.project.catalog.project, &settlement).await;
            settled.map_err(|failure| format!("{repair:?} of `{}`: {}", repairable.id, failure.message))?;
        }
        Ok(())
    }
}

fn told(ended: &Ended) -> String {
    let findings = |plan: &Plan| plan.findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>().join("\n");
    match ended {
        Ended::Crashed => "it crashed".to_owned(),
        Ended::Refused(plan) => findings(plan),
        Ended::Ran(plan, report) => {
            let ends = report.steps.iter().map(|line| format!("{}: {:?}\n", plan.step(line.step).id, line.end));
            format!("{}{}", ends.collect::<String>(), findings(plan))
        }
    }
}
