//! A fault at every message that a run sends.

use std::thread;
use std::time::Duration;

use dunlin_tests::{Blow, Dunlin, Fault, Moment, Outcome, Proxy};

use crate::scenario::{DOWN, Scenario, Way};
use crate::tally::{Tally, Verdict, WORKERS, is_full};

const UP: &str = "up --yes";

/// Positions in the quick share.
const QUICK: usize = 6;

/// Runs that may follow a fault, besides those that find the server busy with what the first one left running.
const RERUNS: usize = 2;

/// How often a busy server is asked again.
const BUSY: usize = 40;

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

#[test]
fn an_up_that_is_killed_at_a_message() {
    check(UP, Way::Direct, Blow::Kill);
}

#[test]
fn an_up_that_is_killed_at_a_message_behind_a_pooler() {
    check(UP, Way::Pooled, Blow::Kill);
}

#[test]
fn an_up_that_loses_its_connection_at_a_message() {
    check(UP, Way::Direct, Blow::Cut);
}

#[test]
fn an_up_that_loses_its_connection_at_a_message_behind_a_pooler() {
    check(UP, Way::Pooled, Blow::Cut);
}

#[test]
fn a_down_that_is_killed_at_a_message() {
    check(DOWN, Way::Direct, Blow::Kill);
}

#[test]
fn a_down_that_is_killed_at_a_message_behind_a_pooler() {
    check(DOWN, Way::Pooled, Blow::Kill);
}

#[test]
fn a_down_that_loses_its_connection_at_a_message() {
    check(DOWN, Way::Direct, Blow::Cut);
}

#[test]
fn a_down_that_loses_its_connection_at_a_message_behind_a_pooler() {
    check(DOWN, Way::Pooled, Blow::Cut);
}

fn check(words: &'static str, way: Way, blow: Blow) {
    let scenario = Scenario::new(way);
    let (expected, messages) = clean(&scenario, words);
    let verb = words.split_once(' ').unwrap().0;
    let what = match blow {
        Blow::Kill => "process killed at a message",
        Blow::Cut => "connection lost at a message",
    };
    let tally = Tally::new(what, format!("{verb}, {way}"));
    tally.each(WORKERS, faults(blow, messages), |fault| attempt(&scenario, words, *fault, &expected));
    tally.end();
}

/// The state after a run without a fault, and how many messages it took.
fn clean(scenario: &Scenario, words: &str) -> (String, usize) {
    let stage = scenario.stage();
    let proxy = Proxy::new(None);
    prepare(&stage.dunlin(), words);
    let _ = proxy.watch(stage.through(&proxy).start(words)).exits(0);
    (stage.state(), proxy.messages())
}

fn prepare(dunlin: &Dunlin, words: &str) {
    if words == DOWN {
        let _ = dunlin.run(UP).exits(0);
    }
}

/// Where faults come: everywhere, and a little beyond, since no two runs send quite the same; or spread.
fn faults(blow: Blow, messages: usize) -> Vec<Fault> {
    let fault = |at, moment| Fault { blow, moment, at };
    if is_full() {
        let all = (0..messages + messages / 10).flat_map(|at| MOMENTS.map(|moment| fault(at, moment)));
        return all.collect();
    }
    let spread = |nth: usize| fault((2 * nth + 1) * messages / (2 * QUICK), MOMENTS[nth % MOMENTS.len()]);
    (0..QUICK).map(spread).collect()
}

fn attempt(scenario: &Scenario, words: &str, fault: Fault, expected: &str) -> Verdict {
    let stage = scenario.stage();
    let proxy = Proxy::new(Some(fault));
    let dunlin = stage.dunlin();
    prepare(&dunlin, words);
    let run = proxy.watch(stage.through(&proxy).start(words));
    if !proxy.has_struck() {
        return Verdict::Missed;
    }
    let is_alone = run.code == Some(0);
    let ended = if is_alone { run } else { rerun(&dunlin, words) };
    if !is_done(&ended) {
        return Verdict::Stuck(format!("{fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
    }
    match stage.differs(expected) {
        Some(difference) => Verdict::Wrong(format!("{fault:?}:\n{difference}")),
        None if is_alone => Verdict::Recovered,
        None => Verdict::Converged,
    }
}

/// What a person or a pipeline does after a run that did not end well: the same again.
fn rerun(dunlin: &Dunlin, words: &str) -> Outcome {
    let mut busy = 0;
    let mut reruns = 1;
    loop {
        let outcome = dunlin.run(words);
        if is_done(&outcome) || reruns == RERUNS || busy == BUSY {
            return outcome;
        }
        if outcome.code == Some(75) {
            busy += 1;
            thread::sleep(Duration::from_millis(250));
        } else {
            reruns += 1;
        }
    }
}

/// A down that was done before its process was killed finds nothing that it could take back.
fn is_done(outcome: &Outcome) -> bool {
    outcome.code == Some(0) || outcome.stdout.contains("version-unknown")
}
