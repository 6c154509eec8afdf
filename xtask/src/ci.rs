//! Everything that has to hold before a change is taken.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{demo, docs, shell, supply, test, tidy};

type Check = fn(&Path) -> Result<()>;

/// From quick to slow.
const STEPS: &[(&str, Check)] = &[
    ("tidy", tidy::sources),
    ("supply", supply::check),
    ("fmt", |root| shell::run(shell::cargo(root, "fmt --all --check"))),
    ("clippy", |root| shell::run(shell::cargo(root, "clippy --workspace --all-targets -- -D warnings"))),
    ("test", |root| test::run(root, None)),
    ("doc", doc),
    ("docs", docs::check),
    ("demo", demo::run),
];

/// Runs the steps up to the first that fails, and tells how long each took.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (name, check) in STEPS {
        println!("\n== {name}");
        let start = Instant::now();
        let done = check(root);
        times.push((*name, start.elapsed(), done.is_ok()));
        if done.is_err() {
            outcome = done.with_context(|| format!("step `{name}`"));
            break;
        }
    }
    print!("\n{}", table(&times));
    outcome
}

fn doc(root: &Path) -> Result<()> {
    let mut command = shell::cargo(root, "doc --quiet --workspace --no-deps");
    command.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(command)
}

fn table(times: &[(&str, Duration, bool)]) -> String {
    let word = |passed| if passed { "ok" } else { "FAILED" };
    let line = |name: &str, time: Duration, word: &str| format!("{name:<8}{:>8.1} s  {word}\n", time.as_secs_f64());
    let total = times.iter().map(|(_, time, _)| *time).sum();
    let lines = times.iter().map(|(name, time, passed)| line(name, *time, word(*passed)));
    lines.chain([line("total", total, word(times.iter().all(|(.., passed)| *passed)))]).collect()
}
