//! One process that runs Dunlin: it counts its messages, may be asked to stop at one, and may die at one.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::Driver;
use dunlin_driver::memory::Act;
use dunlin_engine::{Connectors, EventSink};
use dunlin_planner::{EventKind, Failure, TargetName};
use tokio_util::sync::CancellationToken;

use super::connection::Reached;
use super::project::Project;
use super::random::Random;
use super::weather::{Fate, Weather};
use super::world::World;

pub(crate) struct Process {
    name: String,
    pub(crate) project: Arc<Project>,
    pub(crate) world: Arc<World>,
    pub(crate) weather: Weather,
    random: Mutex<Random>,
    messages: AtomicUsize,
    pub(crate) stop: CancellationToken,
    pub(crate) crashed: CancellationToken,
    /// How long its connections' locks outlive it.
    locked: Mutex<Duration>,
}

impl Process {
    pub(crate) fn new(
        name: String,
        project: &Arc<Project>,
        world: &Arc<World>,
        weather: Weather,
        random: Random,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            project: Arc::clone(project),
            world: Arc::clone(world),
            weather,
            random: Mutex::new(random),
            messages: AtomicUsize::new(0),
            stop: CancellationToken::new(),
            crashed: CancellationToken::new(),
            locked: Mutex::default(),
        })
    }

    /// Sends a message; its fate shows who asks what is to become of it.
    pub(crate) async fn send(&self, target: &TargetName, act: &Act) -> Fate {
        self.pass().await;
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        if self.weather.stop_at == Some(number) {
            self.stop.cancel();
        }
        let fate = self.weather.fate(number, act, &mut self.random.lock().unwrap());
        self.world.trace(|| format!("{} {number} {target} {act:?}: {fate:?}", self.name));
        if fate != Fate::Fine {
            self.world.shared().faults += 1;
        }
        if let Fate::Crash { done: false, locked } = fate {
            self.die(locked).await;
        }
        fate
    }

    /// Lets a little time pass; a dead process sees none of it.
    pub(crate) async fn pass(&self) {
        self.live().await;
        let pause = self.random.lock().unwrap().below(8);
        match pause {
            pause @ 1..3 => tokio::time::sleep(Duration::from_millis(pause as u64)).await,
            _ => tokio::task::yield_now().await,
        }
        self.live().await;
    }

    async fn live(&self) {
        if self.crashed.is_cancelled() {
            pending::<()>().await;
        }
    }

    /// Everything of the process is gone at once; what it awaits never comes.
    pub(crate) async fn die(&self, locked: Duration) {
        *self.locked.lock().unwrap() = locked;
        self.crashed.cancel();
        pending::<()>().await;
    }

    /// How long a server keeps the locks of a connection that the process drops.
    pub(crate) fn lingering(&self) -> Duration {
        if self.crashed.is_cancelled() { *self.locked.lock().unwrap() } else { Duration::ZERO }
    }

    /// How long the next statement takes.
    pub(crate) fn latency(&self) -> Duration {
        self.weather.latency(&mut self.random.lock().unwrap())
    }

    /// Takes a run's events; the run's own identity is the one thing that does not follow from the seed.
    pub(crate) fn events(self: &Arc<Self>) -> EventSink {
        let process = Arc::clone(self);
        Arc::new(move |event| {
            process.world.trace(|| match &event.kind {
                EventKind::RunStarted { steps, .. } => format!("{} starts {steps} steps", process.name),
                kind => format!("{} {kind:?}", process.name),
            });
        })
    }
}

/// Reaches the databases of a process.
pub(crate) struct Network(pub(crate) Arc<Process>);

#[async_trait]
impl Connectors for Network {
    async fn driver(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure> {
        Ok(Arc::new(Reached::new(target, &self.0)))
    }
}
