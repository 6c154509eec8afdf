//! A fault at every message that a run sends.

use std::thread;
use std::time::Duration;

use dunlin_tests::{Blow, Dunlin, Fault, Moment, Outcome, Proxy, Server};

use crate::scenario::{DOWN, Harm, Scenario, Stage, Way};
use crate::tally::{Tally, Verdict, WORKERS, is_full, share};

const UP: &str = "up --yes";

/// Positions in the quick share.
const QUICK: usize = 6;

/// Runs that may follow a fault, besides those that find the server busy with what the first one left running.
const RERUNS: usize = 2;

/// How often a busy server is asked again.
const BUSY: usize = 40;

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

/// What a fault does.
#[derive(Clone, Copy, Debug)]
enum What {
    Kill,
    Cut,
    Harm(Harm),
}

const KILLED: What = What::Kill;
const CUT: What = What::Cut;
const TERMINATED: What = What::Harm(Harm::Backend);
const UNPOOLED: What = What::Harm(Harm::Pooler);
const CRASHED: What = What::Harm(Harm::Server);

#[test]
fn an_up_that_is_killed_at_a_message() {
    check(UP, Way::Direct, KILLED);
}

#[test]
fn an_up_that_is_killed_at_a_message_behind_a_pooler() {
    check(UP, Way::Pooled, KILLED);
}

#[test]
fn an_up_that_loses_its_connection_at_a_message() {
    check(UP, Way::Direct, CUT);
}

#[test]
fn an_up_that_loses_its_connection_at_a_message_behind_a_pooler() {
    check(UP, Way::Pooled, CUT);
}

#[test]
fn a_down_that_is_killed_at_a_message() {
    check(DOWN, Way::Direct, KILLED);
}

#[test]
fn a_down_that_is_killed_at_a_message_behind_a_pooler() {
    check(DOWN, Way::Pooled, KILLED);
}

#[test]
fn a_down_that_loses_its_connection_at_a_message() {
    check(DOWN, Way::Direct, CUT);
}

#[test]
fn a_down_that_loses_its_connection_at_a_message_behind_a_pooler() {
    check(DOWN, Way::Pooled, CUT);
}

#[test]
fn an_up_that_is_killed_at_a_message_without_a_direct_way() {
    check(UP, Way::PooledAlone, KILLED);
}

#[test]
fn a_down_that_loses_its_connection_at_a_message_without_a_direct_way() {
    check(DOWN, Way::PooledAlone, CUT);
}

#[test]
fn an_up_whose_backend_is_terminated_at_a_message() {
    check(UP, Way::Direct, TERMINATED);
}

#[test]
fn a_down_whose_backend_is_terminated_at_a_message() {
    check(DOWN, Way::Direct, TERMINATED);
}

#[test]
fn an_up_whose_pooler_is_killed_at_a_message() {
    check(UP, Way::Pooled, UNPOOLED);
}

#[test]
fn a_down_whose_pooler_is_killed_at_a_message_without_a_direct_way() {
    check(DOWN, Way::PooledAlone, UNPOOLED);
}

#[test]
fn an_up_whose_server_is_stopped_at_a_message() {
    check(UP, Way::Direct, CRASHED);
}

fn check(words: &'static str, way: Way, what: What) {
    let crashes = matches!(what, What::Harm(Harm::Server));
    // The others' databases are on the shared one.
    let scenario = if crashes { Scenario::on(Server::own(), way) } else { Scenario::new(way) };
    let (expected, messages) = clean(&scenario, words);
    let verb = words.split_once(' ').unwrap().0;
    let tally = Tally::new(what.in_words(), format!("{verb}, {way}"));
    let workers = if crashes { 1 } else { WORKERS };
    tally.each(workers, what.faults(messages), |fault| attempt(&scenario, words, what, *fault, &expected));
    tally.end();
}

impl What {
    fn in_words(self) -> &'static str {
        match self {
            Self::Kill => "process killed at a message",
            Self::Cut => "connection lost at a message",
            Self::Harm(Harm::Backend) => "backend terminated at a message",
            Self::Harm(Harm::Pooler) => "pooler killed at a message",
            Self::Harm(Harm::Server) => "server stopped at a message",
        }
    }

    fn blow(self) -> Blow {
        match self {
            Self::Kill => Blow::Kill,
            Self::Cut => Blow::Cut,
            Self::Harm(_) => Blow::Deed,
        }
    }

    /// Where faults come: everywhere, and a little beyond, since no two runs send quite the same; or spread.
    fn faults(self, messages: usize) -> Vec<Fault> {
        let fault = |at, moment| Fault { blow: self.blow(), moment, at };
        let spread = |number: usize| {
            let nth = move |nth: usize| fault((2 * nth + 1) * messages / (2 * number), MOMENTS[nth % MOMENTS.len()]);
            (0..number).map(nth).collect()
        };
        match self {
            Self::Harm(Harm::Server) => spread(share(2, 40)),
            _ if is_full() => {
                let all = (0..messages + messages / 10).flat_map(|at| MOMENTS.map(|moment| fault(at, moment)));
                all.collect()
            }
            Self::Harm(_) => spread(QUICK / 2),
            _ => spread(QUICK),
        }
    }
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

fn attempt(scenario: &Scenario, words: &str, what: What, fault: Fault, expected: &str) -> Verdict {
    let stage = scenario.stage();
    let proxy = match what {
        What::Harm(harm) => Proxy::with_deed(Some(fault), stage.deed(harm)),
        What::Kill | What::Cut => Proxy::new(Some(fault)),
    };
    prepare(&stage.dunlin(), words);
    let run = proxy.watch(stage.through(&proxy).start(words));
    if !proxy.has_struck() {
        return Verdict::Missed;
    }
    let is_alone = run.code == Some(0);
    let ended = if is_alone { run } else { rerun(&stage, words) };
    if !is_done(&ended) {
        return Verdict::Stuck(format!("{what:?}, {fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
    }
    match stage.differs(expected) {
        Some(difference) => Verdict::Wrong(format!("{what:?}, {fault:?}:\n{difference}")),
        None if is_alone => Verdict::Recovered,
        None => Verdict::Converged,
    }
}

/// What a person or a pipeline does after a run that did not end well: the same again.
fn rerun(stage: &Stage<'_>, words: &str) -> Outcome {
    let dunlin = stage.dunlin();
    let (mut busy, mut reruns) = (0, 1);
    loop {
        stage.let_time_pass();
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
