//! The run against a virtual clock: at every moment all that may go on does, and nothing else. Every failure names its seed.
//!
//! What comes of projects in the end is simulated in the package `tests`, over databases in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{
    Failure, FailureClass, Graph, Kind, LaneKind, Limits, Next, Outcome, Plan, Probe, QualifiedName, Run, Scope,
    Selection, StepEnd, StepIx, StepReport, TargetName, UpRequest, plan_up,
};

use crate::support::{Random, Shape, observe, statement};

const CLASSES: [FailureClass; 6] = [
    FailureClass::Busy,
    FailureClass::Unreachable,
    FailureClass::Unknown,
    FailureClass::Rejected,
    FailureClass::Estranged,
    FailureClass::Dirty,
];

/// What makes one simulated run hard.
struct Weather {
    /// Chance of a failure per attempt, in percent.
    trouble: usize,
    /// Chance that a server takes over during an attempt, in percent.
    failover: usize,
    /// When the run is asked to stop.
    stop_at: Option<Duration>,
    limits: Limits,
}

impl Weather {
    fn random(random: &mut Random) -> Self {
        let limits = Limits {
            busy: Duration::from_millis(random.below(5_000) as u64),
            unreachable: Duration::from_millis(random.below(5_000) as u64),
            unknown: u32::try_from(random.below(4)).unwrap(),
            fail_fast: random.percent(20),
            seed: random.0,
        };
        let stop_at = random.percent(30).then(|| Duration::from_millis(random.below(3_000) as u64));
        let failover = [0, 0, 10][random.below(3)];
        Self { trouble: [0, 10, 30, 90][random.below(4)], failover, stop_at, limits }
    }
}

/// The databases' side of a run, and what must hold at every moment of it.
struct World<'w> {
    plan: Arc<Plan>,
    random: &'w mut Random,
    weather: Weather,
    run: Run,
    now: Duration,
    /// What runs, by the time it ends.
    running: BTreeSet<(Duration, StepIx)>,
    lanes: BTreeMap<(TargetName, LaneKind), BTreeSet<StepIx>>,
    resting: BTreeSet<StepIx>,
    ended: BTreeMap<StepIx, StepEnd>,
    /// What is really there, in the order in which it came there.
    done: Vec<StepIx>,
    /// The timeline of each server, and the one that each attempt began with.
    timelines: BTreeMap<TargetName, u32>,
    known: BTreeMap<StepIx, Option<u32>>,
    attempts: BTreeMap<StepIx, u32>,
}

impl<'w> World<'w> {
    fn new(plan: Arc<Plan>, random: &'w mut Random, weather: Weather) -> Self {
        let mut run = Run::new(Arc::clone(&plan), "r1".parse().unwrap(), weather.limits.clone());
        let timelines: BTreeMap<_, _> = plan.steps.iter().map(|step| (step.target.clone(), 1)).collect();
        timelines.keys().for_each(|target| run.knows(target, 1));
        Self {
            plan,
            random,
            weather,
            run,
            now: Duration::ZERO,
            running: BTreeSet::new(),
            lanes: BTreeMap::new(),
            resting: BTreeSet::new(),
            ended: BTreeMap::new(),
            done: Vec::new(),
            timelines,
            known: BTreeMap::new(),
            attempts: BTreeMap::new(),
        }
    }

    fn live(mut self) {
        for _ in 0..10_000 {
            if self.weather.stop_at.is_some_and(|at| at <= self.now) && !self.run.is_interrupted() {
                self.run.stop();
                self.collect();
            }
            match self.run.next(self.now) {
                Next::Start { step, lane, attempt } => self.start(step, lane, attempt),
                Next::Wait { until } => self.wait(until),
                Next::Finished => {
                    assert!(self.running.is_empty(), "finished while something runs");
                    assert_eq!(self.ended.len(), self.plan.steps.len(), "finished before everything ended");
                    return self.assert_done_is_there();
                }
            }
        }
        panic!("the run does not end");
    }

    fn start(&mut self, step: StepIx, lane: LaneKind, attempt: u32) {
        let planned = self.plan.step(step);
        assert!(!self.ended.contains_key(&step), "{} had ended", planned.id);
        for wait in &planned.waits {
            let earlier = self.ended.get(&wait.step);
            assert!(
                earlier.is_some_and(StepEnd::is_done),
                "{} starts before {}",
                planned.id,
                self.plan.step(wait.step).id
            );
        }
        let expected = if planned.body.is_transactional() { LaneKind::Main } else { LaneKind::Long };
        assert_eq!(lane, expected);
        assert!(self.has_room(step), "{} has to wait for its lane", planned.id);
        self.lanes.entry((planned.target.clone(), lane)).or_default().insert(step);
        let attempts = self.attempts.entry(step).or_default();
        *attempts += 1;
        assert_eq!(attempt, *attempts);
        assert!(!self.run.is_interrupted(), "started after the stop");
        self.resting.remove(&step);
        self.known.insert(step, self.run.timeline(step));
        self.running.insert((self.now + Duration::from_millis(self.random.below(400) as u64), step));
    }

    /// Lets time pass until a step ends, a rest is over, or the stop comes.
    fn wait(&mut self, until: Option<Duration>) {
        self.assert_nothing_could_start();
        let ends = self.running.first().map(|(end, _)| *end);
        let stop = self.weather.stop_at.filter(|at| *at > self.now);
        let next = [until, ends, stop].into_iter().flatten().min().expect("it waits for something");
        self.now = self.now.max(next);
        if let Some((end, step)) = self.running.first().copied().filter(|(end, _)| *end <= self.now) {
            self.running.remove(&(end, step));
            self.lanes.values_mut().for_each(|running| {
                running.remove(&step);
            });
            let outcome = self.outcome(step);
            if self.run.on(step, outcome, self.now).is_some() {
                self.resting.insert(step);
            }
            self.collect();
        }
    }

    fn assert_nothing_could_start(&self) {
        let running: BTreeSet<_> = self.running.iter().map(|(_, step)| *step).collect();
        for ix in self.plan.indexes() {
            let step = self.plan.step(ix);
            let is_free = self.has_room(ix);
            let is_open = !self.ended.contains_key(&ix) && !running.contains(&ix) && !self.resting.contains(&ix);
            let is_ready = step.waits.iter().all(|wait| self.ended.get(&wait.step).is_some_and(StepEnd::is_done));
            assert!(!(is_free && is_open && is_ready), "{} could start", step.id);
        }
    }

    /// Transactional steps run one after another, others up to four at once, while they work on different tables.
    fn has_room(&self, ix: StepIx) -> bool {
        let step = self.plan.step(ix);
        let Some(running) = self.lanes.get(&(step.target.clone(), step.lane())) else { return true };
        let apart = |other: &StepIx| {
            let tables = step.body.tables().zip(self.plan.step(*other).body.tables());
            tables.is_some_and(|(mine, theirs)| mine.iter().all(|table| !theirs.contains(table)))
        };
        match step.lane() {
            LaneKind::Main | LaneKind::Batch => running.is_empty(),
            LaneKind::Long => running.len() < 4 && running.iter().all(apart),
        }
    }

    /// What the database answers; a lost connection leaves open whether the step was done.
    fn outcome(&mut self, step: StepIx) -> Outcome {
        let target = self.plan.step(step).target.clone();
        if self.random.percent(self.weather.failover) {
            self.fail_over(&target);
            return Outcome::Failed(Failure::new(FailureClass::Unknown, "lost"));
        }
        let timeline = self.timelines[&target];
        if self.known[&step] != Some(timeline) {
            let failure = Failure::new(FailureClass::FailedOver, "another timeline");
            return Outcome::FailedOver { timeline, failure };
        }
        let local = |earlier: &StepIx| self.plan.step(*earlier).target == target;
        let mut needed = self.plan.step(step).waits.iter().map(|wait| wait.step).filter(local);
        assert!(needed.all(|earlier| self.done.contains(&earlier)), "what it needs was lost, and is not done again");
        if self.done.contains(&step) {
            return Outcome::AlreadyDone;
        }
        if self.random.percent(self.weather.trouble) {
            let class = match self.run.is_interrupted() {
                true if self.random.percent(50) => FailureClass::Interrupted,
                _ => CLASSES[self.random.below(CLASSES.len())],
            };
            if class == FailureClass::Unknown && self.random.percent(50) {
                self.done.push(step);
            }
            return Outcome::Failed(Failure::new(class, "trouble"));
        }
        self.done.push(step);
        Outcome::Done
    }

    /// Another server takes over, without the last of what was done.
    fn fail_over(&mut self, target: &TargetName) {
        *self.timelines.get_mut(target).unwrap() += 1;
        let there = self.done.iter().filter(|step| self.plan.step(**step).target == *target).count();
        let mut kept = self.random.below(there + 1);
        let plan = Arc::clone(&self.plan);
        self.done.retain(|step| {
            let here = plan.step(*step).target == *target;
            let keep = !here || kept > 0;
            kept -= usize::from(here && keep);
            keep
        });
    }

    /// What ended as done is there, unless a server took over that nobody has asked since, or when nothing new was to start.
    fn assert_done_is_there(&self) {
        for (step, _) in self.ended.iter().filter(|(_, end)| end.is_done()) {
            let unseen = self.run.timeline(*step) != Some(self.timelines[&self.plan.step(*step).target]);
            let stopping = self.run.is_interrupted() || self.weather.limits.fail_fast;
            let id = &self.plan.step(*step).id;
            assert!(self.done.contains(step) || unseen || stopping, "{id} was lost");
        }
    }

    fn collect(&mut self) {
        for failover in self.run.take_failovers() {
            failover.again.iter().for_each(|step| drop(self.ended.remove(step)));
        }
        for line in self.run.take_ended() {
            assert_eq!(self.ended.insert(line.step, line.end), None, "a step ends once");
        }
    }
}

fn simulate(seed: u64) {
    let mut random = Random(seed);
    let catalog = Shape::random(&mut random).catalog();
    let graph = Graph::build(&catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let plan = Arc::new(plan_up(&graph, &everything, &observe(&catalog), UpRequest::default()));
    assert_eq!(plan.errors().count(), 0);
    let weather = Weather::random(&mut random);
    World::new(plan, &mut random, weather).live();
}

/// Names the seed when a simulation panics.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "a panic is on its way, and the test runner shows what stands beside it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

#[test]
fn whatever_happens_lanes_are_neither_crowded_nor_idle() {
    for seed in 0..5_000 {
        let _named = Seed(seed);
        simulate(seed);
    }
}

/// Runs one step whose attempts fail like these, then succeeds; gives its line and the time it took.
fn persist(classes: impl IntoIterator<Item = FailureClass>, limits: Limits) -> (StepReport, Duration) {
    let migrations = vec![(0, Kind::Versioned)];
    let catalog = Shape { sets: vec![0], after: Vec::new(), migrations, needs: BTreeSet::new() }.catalog();
    let graph = Graph::build(&catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let plan = plan_up(&graph, &everything, &observe(&catalog), UpRequest::default());
    let mut run = Run::new(Arc::new(plan), "r1".parse().unwrap(), limits);
    let mut outcomes = classes.into_iter().map(|class| Outcome::Failed(Failure::new(class, "again")));
    let mut now = Duration::ZERO;
    loop {
        match run.next(now) {
            Next::Start { step, .. } => {
                run.on(step, outcomes.next().unwrap_or(Outcome::Done), now);
            }
            Next::Wait { until } => now = until.expect("it rests"),
            Next::Finished => return (run.report(now).steps.remove(0), now),
        }
    }
}

fn limits() -> Limits {
    Limits { busy: Duration::from_mins(3), unreachable: Duration::from_mins(1), unknown: 4, ..Limits::default() }
}

#[test]
fn every_class_of_failure_has_its_patience() {
    for (class, patience) in [(FailureClass::Busy, limits().busy), (FailureClass::Unreachable, limits().unreachable)] {
        let (line, took) = persist(std::iter::repeat(class), limits());
        assert!((5..60).contains(&line.attempts), "{class:?}: {} attempts", line.attempts);
        assert!(took >= patience && took < patience + Duration::from_mins(2), "{class:?}: {took:?}");
    }
    assert_eq!(persist(std::iter::repeat(FailureClass::Unknown), limits()).0.attempts, 5);
    for class in [FailureClass::Rejected, FailureClass::Estranged, FailureClass::Dirty, FailureClass::Interrupted] {
        let (line, took) = persist(std::iter::repeat(class), limits());
        assert_eq!((line.attempts, took), (1, Duration::ZERO), "{class:?}");
    }
}

/// One migration each on the tables that it names, all outside transactions; `?` for tables that are not known.
fn lanes(tables: &[&str]) -> usize {
    let migrations = vec![(0, Kind::Versioned); tables.len()];
    let migrations = migrations.into_iter().enumerate().map(|(set, (_, kind))| (set, kind)).collect();
    let shape = Shape { sets: vec![0; tables.len()], after: Vec::new(), migrations, needs: BTreeSet::new() };
    let mut catalog = shape.catalog();
    for (migration, tables) in catalog.migrations.iter_mut().zip(tables) {
        let probe = |table: &str| match table {
            "?" => Probe::Unknown,
            name => Probe::IndexValid {
                index: "i".to_owned(),
                table: QualifiedName { schema: None, name: name.to_owned() },
                shape: None,
            },
        };
        migration.up.statements = tables.split(' ').map(|table| statement(Some(probe(table)))).collect();
    }
    let graph = Graph::build(&catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let plan = plan_up(&graph, &everything, &observe(&catalog), UpRequest::default());
    let mut run = Run::new(Arc::new(plan), "r1".parse().unwrap(), limits());
    std::iter::from_fn(|| matches!(run.next(Duration::ZERO), Next::Start { .. }).then_some(())).count()
}

#[test]
fn builds_go_on_side_by_side_on_different_tables() {
    for (tables, together) in [
        (&["a", "b", "c", "d"][..], 4),
        (&["a", "b", "c", "d", "e"], 4),
        (&["a", "a", "b"], 2),
        (&["a b", "b c", "d"], 2),
        (&["?", "?"], 1),
        (&["a", "?"], 1),
    ] {
        assert_eq!(lanes(tables), together, "{tables:?}");
    }
}

/// A run of two migrations of which one has been applied, and the step of the other.
fn single(limits: Limits) -> (Run, StepIx) {
    let migrations = vec![(0, Kind::Versioned), (0, Kind::Versioned)];
    let catalog = Shape { sets: vec![0], after: Vec::new(), migrations, needs: BTreeSet::new() }.catalog();
    let graph = Graph::build(&catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let plan = plan_up(&graph, &everything, &observe(&catalog), UpRequest::default());
    let [first, second] = plan.indexes().collect::<Vec<_>>()[..] else { panic!("two steps") };
    let mut run = Run::new(Arc::new(plan), "r1".parse().unwrap(), limits);
    assert!(matches!(run.next(Duration::ZERO), Next::Start { step, .. } if step == first));
    run.on(first, Outcome::Done, Duration::ZERO);
    (run, second)
}

#[test]
fn patience_ends_when_it_ends() {
    for (class, patience) in [(FailureClass::Busy, limits().busy), (FailureClass::Unreachable, limits().unreachable)] {
        let (mut run, step) = single(limits());
        let mut at = |now: Duration| {
            assert!(matches!(run.next(now), Next::Start { .. }));
            run.on(step, Outcome::Failed(Failure::new(class, "again")), now).is_some()
        };
        let tries = [Duration::ZERO, patience.checked_sub(Duration::from_millis(1)).unwrap(), patience * 2];
        assert_eq!(tries.map(&mut at), [true, true, false], "{class:?}");
        let (mut run, step) = single(limits());
        let mut at = |now: Duration| {
            assert!(matches!(run.next(now), Next::Start { .. }));
            run.on(step, Outcome::Failed(Failure::new(class, "again")), now).is_some()
        };
        assert_eq!([Duration::ZERO, patience].map(&mut at), [true, false], "{class:?}");
    }
}

/// Rests are random, below a bound that doubles, and follow from the seed alone.
#[test]
fn the_same_seed_rests_as_long() {
    let rests = |seed: u64| -> Vec<u128> {
        let (mut run, step) = single(Limits { seed, busy: Duration::from_hours(9), ..limits() });
        let mut now = Duration::ZERO;
        let rest = || {
            assert!(matches!(run.next(now), Next::Start { .. }));
            let rest = run.on(step, Outcome::Failed(Failure::new(FailureClass::Busy, "again")), now).unwrap();
            now += rest;
            rest.as_millis()
        };
        std::iter::repeat_with(rest).take(12).collect()
    };
    assert_eq!(rests(0), [117, 179, 372, 373, 144, 180, 3_442, 4_578, 15_789, 36_605, 30_635, 53_571]);
    assert_eq!(rests(1), [106, 132, 445, 193, 796, 2_894, 4_739, 3_924, 21_603, 20_839, 20_860, 18_889]);
}

#[test]
fn the_rows_of_all_attempts_count() {
    let (mut run, step) = single(limits());
    assert_eq!(run.report(Duration::ZERO).steps[1].rows, None);
    run.count(step, 5);
    run.count(step, 3);
    assert_eq!(run.report(Duration::ZERO).steps[1].rows, Some(8));
}

#[test]
fn one_kind_of_trouble_does_not_use_up_the_patience_with_another() {
    let long = Limits { busy: Duration::from_hours(1), ..limits() };
    let trouble = [FailureClass::Busy; 20].into_iter().chain([FailureClass::Unreachable, FailureClass::Unknown]);
    assert_eq!(persist(trouble, long).0.end, StepEnd::Done);
}
