//! How often, for how long, and what is said where it goes wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{connections, projects, sources};
use crate::simulation::random::Random;
use crate::splitter::trials::catching;
use crate::tally::{Tally, Verdict, WORKERS, share};

/// How long a reader may think, on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(20);

/// Makes an input from a seed, has it read, and tells what was not as it should be, with the input.
type Trial = fn(&mut Random) -> Result<(), String>;

#[test]
fn sources_of_sql_are_read_or_refused() {
    check("SQL with headers", 2_000, "sources_of_sql", sources::trial);
}

#[test]
fn projects_are_read_or_refused() {
    projects::unchanged_is_read();
    check("configuration, environments, dependencies and names of files", 500, "projects_are_read", projects::trial);
}

#[test]
fn connection_strings_are_read_or_refused() {
    check("connection strings", 20_000, "connection_strings", connections::of_strings);
}

#[test]
fn password_and_service_files_are_read_or_refused() {
    check("password and service files", 4_000, "password_and_service", connections::of_files);
}

fn check(how: &'static str, quick: usize, name: &str, trial: Trial) {
    let tally = Tally::new("readers of changed texts", how);
    let only = std::env::var("DUNLIN_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    let seeds: Vec<u64> = only.map_or_else(|| (0..share(quick, quick * 50) as u64).collect(), |seed| vec![seed]);
    let failed = AtomicBool::new(false);
    tally.each(WORKERS, seeds, |seed| {
        // One failure is enough to look at, and the others are mostly the same.
        if failed.load(Ordering::Relaxed) {
            return Verdict::Missed;
        }
        let Err(what) = limited(*seed, trial) else { return Verdict::Recovered };
        failed.store(true, Ordering::Relaxed);
        let again = format!("DUNLIN_SEED={seed} cargo nextest run -p dunlin-tests --test torture {name}");
        Verdict::Wrong(format!("seed {seed}: {what}\n{again}"))
    });
    tally.end();
}

fn limited(seed: u64, trial: Trial) -> Result<(), String> {
    let (answer, answers) = mpsc::channel();
    let run = move || answer.send(catching(|| trial(&mut Random(seed))));
    let thread = thread::Builder::new().name(format!("seed {seed}")).spawn(run).unwrap();
    let answer = answers.recv_timeout(LIMIT).unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")));
    drop(thread);
    answer
}
