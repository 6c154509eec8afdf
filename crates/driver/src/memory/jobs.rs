//! Jobs of a database in memory, and who owes that they are resumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use dunlin_planner::{
    Failure, FailureClass, LogEntry, Obligation, Pausable, PauseFacts, ProjectName, Resumption, ResumptionEnd, RunId,
    TargetName, Timestamp,
};

use super::database::{DATABASE, MemoryDatabase, State};
use crate::Paused;

/// What runs by itself, and what was paused of it.
#[derive(Default)]
pub(super) struct Jobs {
    /// Whether each goes on, by its name.
    active: BTreeMap<String, bool>,
    owed: Vec<Owed>,
    number: u64,
    /// The runs that live.
    proofs: Vec<(RunId, Weak<()>)>,
}

struct Owed {
    id: u64,
    run: RunId,
    job: String,
}

impl Jobs {
    fn lives(&self, run: &RunId) -> bool {
        self.proofs.iter().any(|(alive, proof)| alive == run && proof.strong_count() > 0)
    }

    pub(super) fn facts(&self) -> PauseFacts {
        let pausable = |(name, active): (&String, &bool)| Pausable {
            key: self.active.keys().position(|known| known == name).expect("it is one of them") as u64,
            name: name.clone(),
            what: what(name),
            database: DATABASE,
            active: *active || self.owed.iter().any(|owed| owed.job == *name),
        };
        let obligation = |owed: &Owed| Obligation { held: self.lives(&owed.run), ..obligation(owed) };
        PauseFacts {
            obligations: self.owed.iter().map(obligation).collect(),
            pausable: self.active.iter().map(pausable).collect(),
            unreadable: None,
        }
    }

    /// Pauses those of `names` that go on or are paused already.
    fn pause(&mut self, run: &RunId, names: &[Pausable]) -> Paused {
        let mut obligations = Vec::new();
        for name in names.iter().map(|one| &one.name) {
            let is_owed = self.owed.iter().any(|owed| owed.job == *name);
            if let Some(active) = self.active.get_mut(name).filter(|active| **active || is_owed) {
                *active = false;
                self.number += 1;
                let owed = Owed { id: self.number, run: run.clone(), job: name.clone() };
                obligations.push(obligation(&owed));
                self.owed.push(owed);
            }
        }
        let proof = Arc::new(());
        self.proofs.push((run.clone(), Arc::downgrade(&proof)));
        Paused { obligations, proof: Box::new(proof) }
    }

    fn resume(&mut self, target: &TargetName, run: &RunId) -> Vec<Resumption> {
        let mut ended = Vec::new();
        for owed in std::mem::take(&mut self.owed) {
            if owed.run != *run && self.lives(&owed.run) {
                self.owed.push(owed);
                continue;
            }
            ended.push(owed);
        }
        let end = |owed: &Owed| {
            let end = match self.active.get_mut(&owed.job) {
                _ if self.owed.iter().any(|other| other.job == owed.job) => ResumptionEnd::StillNeeded,
                None => ResumptionEnd::Gone,
                Some(active) => {
                    *active = true;
                    ResumptionEnd::Resumed
                }
            };
            let (target, owner, what) = (target.clone(), owed.run.clone(), what(&owed.job));
            Resumption { target, id: owed.id, owner, what, end }
        };
        ended.iter().map(end).collect()
    }
}

fn what(name: &str) -> String {
    format!("job `{name}`")
}

fn obligation(owed: &Owed) -> Obligation {
    Obligation { id: owed.id, run: owed.run.clone(), what: what(&owed.job), seconds: 0, held: true }
}

#[async_trait]
impl crate::Jobs for MemoryDatabase {
    async fn start(&self, name: &str) {
        self.lock().jobs.active.insert(name.to_owned(), true);
    }

    async fn stop(&self, name: &str) {
        self.lock().jobs.active.insert(name.to_owned(), false);
    }

    async fn remove(&self, name: &str) {
        self.lock().jobs.active.remove(name);
    }

    async fn is_active(&self, name: &str) -> Option<bool> {
        self.lock().jobs.active.get(name).copied()
    }
}

impl State {
    pub(super) fn pause(&mut self, project: &ProjectName, run: &RunId, what: &[Pausable]) -> Result<Paused, Failure> {
        if self.ledger.is_none() {
            return Err(Failure::new(FailureClass::Rejected, "there is no ledger"));
        }
        let paused = self.jobs.pause(run, what);
        for one in &paused.obligations {
            self.tell(project, run, "paused", &one.what);
        }
        Ok(paused)
    }

    pub(super) fn resume(&mut self, target: &TargetName, project: &ProjectName, run: &RunId) -> Vec<Resumption> {
        let ended = self.jobs.resume(target, run);
        for one in ended.iter().filter(|one| one.end != ResumptionEnd::StillNeeded) {
            self.tell(project, run, "resumed", &one.what);
        }
        ended
    }

    fn tell(&mut self, project: &ProjectName, run: &RunId, what: &str, message: &str) {
        let Timestamp(at) = self.tick();
        let entry = LogEntry {
            id: None,
            at: Timestamp(at),
            run: Some(run.clone()),
            what: what.to_owned(),
            by: "memory".to_owned(),
            message: Some(message.to_owned()),
            sqlstate: None,
        };
        self.log.push((project.clone(), entry));
    }
}
