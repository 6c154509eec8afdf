//! Many first runs at the same moment.

use dunlin_tests::Running;

use crate::scenario::{Scenario, Way};
use crate::tally::{Tally, Verdict, share};

const RUNNERS: usize = 8;

#[test]
fn eight_runs_at_once_on_fresh_databases() {
    check(Way::Direct, share(2, 50));
}

#[test]
fn eight_runs_at_once_on_fresh_databases_behind_a_pooler() {
    check(Way::Pooled, share(1, 50));
}

fn check(way: Way, rounds: usize) {
    let scenario = Scenario::new(way);
    let clean = scenario.stage();
    let _ = clean.dunlin().run("up --yes").exits(0);
    let expected = clean.state();
    let tally = Tally::new("eight runs at once", format!("up, {way}"));
    tally.each(1, (0..rounds).collect(), |_| {
        let stage = scenario.stage();
        let dunlin = stage.dunlin();
        let runs: Vec<_> = (0..RUNNERS).map(|_| dunlin.start("up --yes")).collect();
        let outcomes: Vec<_> = runs.into_iter().map(Running::finish).collect();
        let failed = outcomes.iter().find(|outcome| {
            let collided =
                ["23505", "42P07", "42710", "40P01"].iter().any(|code| outcome.stderr.contains(&format!("\"{code}\"")));
            outcome.code != Some(0) || collided
        });
        match (failed, stage.differs(&expected)) {
            (_, Some(difference)) => Verdict::Wrong(difference),
            (Some(failed), None) => Verdict::Stuck(format!("{:?}\n{}\n{}", failed.code, failed.stdout, failed.stderr)),
            (None, None) => Verdict::Recovered,
        }
    });
    tally.end();
}
