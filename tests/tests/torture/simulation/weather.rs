//! What goes wrong, drawn from the seed.

use std::time::Duration;

use dunlin_driver::memory::Act;
use dunlin_planner::{Failure, FailureClass, Limits};

use super::random::Random;

/// What becomes of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and so does the answer.
    Fine,
    /// The server says no, or is busy.
    Refused(FailureClass),
    /// The connection is lost half way: an index that was being built stays, and is not valid.
    Half,
    /// The connection is lost before or after the server did it, and its locks stay for a while.
    Lost { done: bool, locked: Duration },
    /// The whole process is gone, before or after.
    Crash { done: bool, locked: Duration },
}

/// How one process fares.
pub(crate) struct Weather {
    /// Chance of trouble per message, in percent.
    trouble: usize,
    /// Chance of a slow statement.
    slow: usize,
    /// The message at which the process is killed.
    crash_at: Option<usize>,
    /// The message at which it is asked to stop.
    pub(crate) stop_at: Option<usize>,
    pub(crate) limits: Limits,
}

impl Weather {
    pub(crate) fn random(random: &mut Random) -> Self {
        let limits = Limits {
            busy: Duration::from_millis(random.below(20_000) as u64),
            unreachable: Duration::from_millis(random.below(5_000) as u64),
            unknown: u32::try_from(random.below(11)).unwrap(),
            fail_fast: random.percent(15),
            seed: random.0,
        };
        let at = |random: &mut Random, chance| random.percent(chance).then(|| random.below(60));
        Self {
            trouble: random.one_of(&[1, 4, 12, 40]),
            slow: random.one_of(&[0, 10]),
            crash_at: at(random, 40),
            stop_at: at(random, 15),
            limits,
        }
    }

    pub(crate) fn calm() -> Self {
        Self { trouble: 0, slow: 0, crash_at: None, stop_at: None, limits: Limits::default() }
    }

    /// The fate of the message with this number.
    pub(crate) fn fate(&self, number: usize, act: &Act, random: &mut Random) -> Fate {
        if self.crash_at == Some(number) {
            return Fate::Crash { done: random.percent(50), locked: lock(random) };
        }
        if !random.percent(self.trouble) {
            return Fate::Fine;
        }
        match act {
            Act::Inspect | Act::Bootstrap | Act::Session(_) => {
                Fate::Refused(random.one_of(&[FailureClass::Unreachable, FailureClass::Unknown]))
            }
            Act::Execute(..) if random.percent(25) => Fate::Half,
            Act::Apply(_) | Act::Execute(..) | Act::ExecuteRecorded(..) | Act::Batch(..) if random.percent(40) => {
                Fate::Refused(random.one_of(&[FailureClass::Rejected, FailureClass::Busy, FailureClass::Busy]))
            }
            Act::Claim(_) if random.percent(40) => Fate::Refused(FailureClass::Busy),
            _ => Fate::Lost { done: random.percent(50), locked: lock(random) },
        }
    }

    /// How long a statement takes.
    pub(crate) fn latency(&self, random: &mut Random) -> Duration {
        match random.percent(self.slow) {
            true => Duration::from_millis(random.below(6_000) as u64),
            false => Duration::ZERO,
        }
    }
}

fn lock(random: &mut Random) -> Duration {
    match random.percent(50) {
        true => Duration::from_millis(random.below(5_000) as u64),
        false => Duration::ZERO,
    }
}

/// What a server, or the way to it, says.
pub(crate) fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "trouble")
}
