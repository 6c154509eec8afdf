//! A server that takes over during a run: what is looked up again there, and what is told of what was lost.

use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{
    Failover, Failure, FailureClass, Graph, Limits, Lost, Next, Outcome, Plan, Run, Scope, Selection, StepEnd, StepIx,
    UpRequest, plan_up,
};

use crate::support::Fixture;

/// A run that is asked by names. Each call is a minute later, so that nothing rests any more.
struct Scene {
    plan: Arc<Plan>,
    run: Run,
    now: Duration,
}

impl Scene {
    fn new(lines: &str) -> Self {
        let fixture = Fixture::parse(lines);
        let graph = Graph::build(&fixture.catalog).unwrap();
        let everything = Selection::of(&graph, &Scope::default()).unwrap();
        let plan = Arc::new(plan_up(&graph, &everything, &fixture.observed, UpRequest::default()));
        let mut run = Run::new(Arc::clone(&plan), "r1".parse().unwrap(), Limits::default());
        plan.steps.iter().for_each(|step| run.knows(&step.target, 1));
        Self { plan, run, now: Duration::ZERO }
    }

    fn step(&self, id: &str) -> StepIx {
        self.plan.indexes().find(|ix| self.plan.step(*ix).id.to_string() == id).unwrap()
    }

    fn id(&self, step: StepIx) -> String {
        self.plan.step(step).id.to_string()
    }

    /// What starts now.
    fn starts(&mut self) -> String {
        self.now += Duration::from_mins(1);
        let mut started = Vec::new();
        while let Next::Start { step, .. } = self.run.next(self.now) {
            started.push(self.id(step));
        }
        started.join(" ")
    }

    fn ends(&mut self, id: &str, outcome: Outcome) {
        let _ = self.run.on(self.step(id), outcome, self.now);
    }

    fn fails_over(&mut self, id: &str, timeline: u32) {
        let failure = Failure::new(FailureClass::FailedOver, "another server");
        self.ends(id, Outcome::FailedOver { timeline, failure });
    }

    /// How each migration ended, and what was lost of it.
    fn told(&self) -> String {
        let line = |line: &dunlin_planner::StepReport| {
            let end = match &line.end {
                StepEnd::Done => "done",
                StepEnd::AlreadyDone => "already",
                StepEnd::NotStarted => "not-started",
                StepEnd::Failed { .. } => "failed",
                StepEnd::Blocked { .. } => "blocked",
            };
            let lost = match line.lost {
                Some(Lost::Redone) => "-redone",
                Some(Lost::Undercut) => "-undercut",
                None => "",
            };
            format!("{} {end}{lost}", self.id(line.step))
        };
        self.run.report(self.now).steps.iter().map(line).collect::<Vec<_>>().join(", ")
    }
}

const PROJECT: &str = "
    target one postgres
    target two postgres
    set a one
    set b two
    a/1
    a/2
    a/3
    b/1 needs a/2
    b/2 needs a/2
";

/// `a/1` and `a/2` are done, `a/3` and `b/1` run.
fn half_way() -> Scene {
    let mut scene = Scene::new(PROJECT);
    assert_eq!(scene.starts(), "a/1");
    scene.ends("a/1", Outcome::Done);
    assert_eq!(scene.starts(), "a/2");
    scene.ends("a/2", Outcome::Done);
    assert_eq!(scene.starts(), "b/1 a/3");
    scene
}

#[test]
fn what_was_done_there_is_looked_up_again_and_what_was_lost_is_done_again() {
    let mut scene = half_way();
    scene.fails_over("a/3", 2);
    let again = vec![scene.step("a/1"), scene.step("a/2")];
    let failover = Failover { target: "one".parse().unwrap(), from: 1, to: 2, again };
    assert_eq!(scene.run.take_failovers(), [failover]);
    assert_eq!(scene.run.take_failovers(), []);
    let known = ["a/1", "a/3", "b/1"].map(|id| scene.run.timeline(scene.step(id)));
    assert_eq!(known, [Some(2), Some(2), Some(1)]);
    assert_eq!(scene.starts(), "a/1");
    scene.ends("a/1", Outcome::AlreadyDone);
    assert_eq!(scene.starts(), "a/2");
    scene.ends("a/2", Outcome::Done);
    scene.ends("b/1", Outcome::Done);
    assert_eq!(scene.starts(), "a/3 b/2");
    scene.ends("a/3", Outcome::Done);
    scene.ends("b/2", Outcome::Done);
    assert_eq!(scene.run.next(scene.now), Next::Finished);
    assert_eq!(scene.told(), "a/1 done, a/2 done-redone, a/3 done, b/1 done-undercut, b/2 done");
}

#[test]
fn the_same_timeline_changes_nothing() {
    let mut scene = half_way();
    scene.fails_over("a/3", 1);
    assert_eq!(scene.run.take_failovers(), []);
    assert_eq!(scene.starts(), "a/3");
}

#[test]
fn what_cannot_be_done_again_blocks_what_stands_on_it() {
    let mut scene = half_way();
    scene.ends("b/1", Outcome::Done);
    scene.fails_over("a/3", 2);
    assert_eq!(scene.starts(), "a/1");
    scene.ends("a/1", Outcome::Failed(Failure::new(FailureClass::Rejected, "no")));
    assert_eq!(scene.run.next(scene.now), Next::Finished);
    assert_eq!(scene.told(), "a/1 failed, a/2 blocked, a/3 blocked, b/1 done, b/2 blocked");
}

/// The next run looks.
#[test]
fn a_run_that_is_stopping_looks_nothing_up() {
    let mut scene = half_way();
    scene.run.stop();
    scene.fails_over("a/3", 2);
    assert_eq!(scene.run.take_failovers(), []);
    scene.ends("b/1", Outcome::Done);
    assert_eq!(scene.run.next(scene.now), Next::Finished);
    assert_eq!(scene.told(), "a/1 done, a/2 done, a/3 failed, b/1 done, b/2 not-started");
}
