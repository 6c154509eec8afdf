//! A request to stop at any moment.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use dunlin_tests::wait_until;
use nix::sys::signal::Signal;

use crate::scenario::{Scenario, Way};
use crate::tally::{Tally, Verdict, WORKERS, share};

/// The step that takes the longest, so that some moments hit a statement.
const SLOW: &str =
    "INSERT INTO audit VALUES ('slow');\nSELECT pg_sleep(0.3);\nINSERT INTO audit VALUES ('slow too');\n";

const LONGEST: Duration = Duration::from_secs(10);

#[test]
fn a_run_that_is_asked_to_stop_does_and_can_be_finished() {
    let scenario = Scenario::new(Way::Direct).with("left/005_slow.up.sql", SLOW);
    let clean = scenario.stage();
    let since = Instant::now();
    let _ = clean.dunlin().run("up --yes").exits(0);
    let took = since.elapsed();
    let expected = clean.state();
    let tally = Tally::new("SIGTERM at a random moment", "up, direct");
    tally.each(WORKERS, (0..share(8, 100)).collect(), |trial| {
        let stage = scenario.stage();
        let dunlin = stage.dunlin();
        let share = RandomState::new().hash_one(trial) % 1_000;
        let delay = took.mul_f64(f64::from(u32::try_from(share).unwrap()) / 900.0);
        let run = dunlin.start("up --yes");
        wait_until("it listens", || run.catches(Signal::SIGTERM));
        thread::sleep(delay);
        run.signal(Signal::SIGTERM);
        let since = Instant::now();
        let stopped = run.finish();
        let took = since.elapsed();
        let told = |what: &str| format!("{what} after {delay:?}: {:?}\n{}", stopped.code, stopped.stderr);
        if !matches!(stopped.code, Some(0 | 75)) || took > LONGEST {
            return Verdict::Stuck(told(&format!("over {took:?} later")));
        }
        if dunlin.run("up --yes").code != Some(0) {
            return Verdict::Stuck(told("not finished by the next run"));
        }
        match stage.differs(&expected) {
            Some(difference) => Verdict::Wrong(told(&difference)),
            None => Verdict::Converged,
        }
    });
    tally.end();
}
