//! The databases, and what everybody who works on them shares.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use dunlin_driver::memory::{Act, Fault, MemoryDatabase};
use dunlin_planner::TargetName;

use super::body::walked;
use super::history::History;
use super::project::Project;

/// The number of a range, where which one does not matter.
pub(crate) const ANY: u32 = u32::MAX;

/// Rows that a backfill walks, at most.
const ROWS: u64 = 30;

pub(crate) struct World {
    pub(crate) databases: BTreeMap<TargetName, MemoryDatabase>,
    shared: Mutex<Shared>,
    armed: Armed,
}

/// What is to go wrong on a server, as soon as it gets there.
type Armed = Arc<Mutex<Vec<(TargetName, Act, Fault)>>>;

pub(crate) struct Shared {
    pub(crate) history: History,
    /// Faults that struck.
    pub(crate) faults: usize,
    /// What happened, for people; none where nobody asks.
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    /// Empty databases, but for the tables that backfills walk.
    pub(crate) fn new(project: &Project, is_traced: bool) -> Arc<Self> {
        let armed = Armed::default();
        let databases = project.catalog.targets.keys().map(|name| (name.clone(), database(name, &armed))).collect();
        let world = Self {
            databases,
            shared: Mutex::new(Shared {
                history: History::new(project.catalog.migrations.len()),
                faults: 0,
                trace: is_traced.then(Vec::new),
            }),
            armed,
        };
        for number in 0..project.catalog.migrations.len() {
            if project.migration(number).up.batch.is_some() {
                world.databases[project.target(number)].fill(&walked(number), 0..(number as u64 * 7) % ROWS);
            }
        }
        Arc::new(world)
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.shared().trace {
            trace.push(line());
        }
    }

    /// Lets `act` go wrong on its server, if it gets there.
    pub(crate) fn arm(&self, target: &TargetName, act: &Act, fault: Fault) {
        self.armed.lock().unwrap().push((target.clone(), act.clone(), fault));
    }

    pub(crate) fn disarm(&self, target: &TargetName, act: &Act) {
        self.armed.lock().unwrap().retain(|(at, armed, _)| (at, armed) != (target, act));
    }
}

fn database(name: &TargetName, armed: &Armed) -> MemoryDatabase {
    let database = MemoryDatabase::new(name.clone());
    let (name, armed) = (name.clone(), Arc::clone(armed));
    database.script(move |act| {
        let act = match act {
            Act::Batch(id, _) => &Act::Batch(id.clone(), ANY),
            act => act,
        };
        let armed = armed.lock().unwrap();
        armed.iter().find(|(at, armed, _)| (at, armed) == (&name, act)).map(|(_, _, fault)| fault.clone())
    });
    database
}
