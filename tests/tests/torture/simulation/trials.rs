//! Many seeds, and one that is repeated.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::{Builder, Runtime};

use super::life::Life;
use crate::tally::{Tally, Verdict, share};

/// Seeds of each test.
const QUICK: usize = 11_000;
const FULL: usize = 50_000;

#[test]
fn a_simulated_project_among_faults() {
    check(1, "one run");
}

#[test]
fn a_simulated_project_among_faults_and_two_runs_at_once() {
    check(2, "two runs at once");
}

#[test]
fn a_simulated_seed_repeats_itself() {
    let tally = Tally::new("the same seed again", "simulated");
    tally.each(1, (0..share(200, 2_000)).collect(), |seed| {
        let [first, again] = [(); 2].map(|()| lived(*seed as u64, 1 + seed % 2, true).trace);
        match first == again {
            true => Verdict::Recovered,
            false => Verdict::Wrong(differing(&first, &again)),
        }
    });
    tally.end();
}

fn differing(first: &[String], again: &[String]) -> String {
    let at = first.iter().zip(again).take_while(|(one, other)| one == other).count();
    format!("at message {at}:\n{:?}\n{:?}", first.get(at), again.get(at))
}

fn check(processes: usize, how: &'static str) {
    let tally = Tally::new("simulated", how);
    let only = std::env::var("DUNLIN_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    let seeds = only.map_or_else(|| (0..share(QUICK, FULL) as u64).collect(), |seed| vec![seed]);
    let failed = AtomicBool::new(false);
    tally.each(1, seeds, |seed| {
        // One failure is enough to look at, and the others are mostly the same.
        if failed.load(Ordering::Relaxed) {
            return Verdict::Missed;
        }
        let lived = lived(*seed, processes, only.is_some());
        if only.is_some() {
            println!("{}", lived.trace.join("\n"));
        }
        let Err(what) = &lived.ended else {
            return match lived {
                Lived { faults: 0, .. } => Verdict::Missed,
                Lived { is_alone: true, .. } => Verdict::Recovered,
                Lived { .. } => Verdict::Converged,
            };
        };
        failed.store(true, Ordering::Relaxed);
        let name = if processes == 1 { "among_faults" } else { "two_runs_at_once" };
        let again = format!("DUNLIN_SEED={seed} cargo nextest run -p dunlin-tests --test torture --no-capture {name}");
        Verdict::Wrong(format!("seed {seed}: {what}\n{again}"))
    });
    tally.end();
}

/// How the life of a project ended.
struct Lived {
    ended: Result<(), String>,
    is_alone: bool,
    faults: usize,
    trace: Vec<String>,
}

fn lived(seed: u64, processes: usize, is_traced: bool) -> Lived {
    let mut life = Life::new(seed, processes, is_traced);
    let ended = catch_unwind(AssertUnwindSafe(|| clock().block_on(life.live())));
    let ended = ended.unwrap_or_else(|panic| Err(message(&*panic)));
    let mut shared = life.world.shared();
    let trace = shared.trace.take().unwrap_or_default();
    Lived { ended, is_alone: life.is_alone, faults: shared.faults, trace }
}

/// A clock that goes on only while everybody waits for it.
fn clock() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
