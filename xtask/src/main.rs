//! What is done to this repository, as commands: `cargo xtask <demo|test|torture|mutants|ci|tidy|supply|docs>`.
//!
//! Everything that a person or a CI machine runs is here, in one language and with one meaning on every machine: there
//! is no second way hidden in a workflow file. The commands run Cargo and the `dunlin` binary as anybody would; of the
//! libraries only `dunlin-devdb` is used, to provide servers and to make sure that none is left behind.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod ci;
mod demo;
mod docs;
mod mutants;
mod servers;
mod shell;
mod supply;
mod test;
mod tidy;
mod torture;

/// Development tasks of the Dunlin repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Migrate the example fleet on a throw-away server, and check every step
    Demo,
    /// Run all tests, on real servers where a test needs one
    Test {
        /// Only the tests whose names contain this
        filter: Option<String>,
    },
    /// Let faults hit everywhere, and write what came of them to docs/reliability.md
    Torture {
        /// How long at most; what is not tried by then is left to a run with `--again`, and the page stays as it is
        #[arg(long, default_value_t = 180)]
        minutes: u64,
        /// Only what an earlier run has not tried in full
        #[arg(long)]
        again: bool,
    },
    /// Change the code of the decisions, one expression at a time, and see whether a test notices; needs cargo-mutants
    Mutants {
        /// Only the mutants whose description matches this regular expression
        matching: Option<String>,
        /// Only those that no test is known to notice
        #[arg(long)]
        again: bool,
    },
    /// Run every check, in the order from quick to slow, up to the first that fails
    Ci,
    /// Check the rules of this repository that no compiler knows
    Tidy,
    /// Check licences, bans and sources of the packages that Dunlin is built upon, by deny.toml
    Supply,
    /// Write the generated parts of the documentation
    Docs {
        /// Write nothing; fail if a file would change
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = shell::root().and_then(|root| match Cli::parse().task {
        Task::Demo => demo::run(&root),
        Task::Test { filter } => test::run(&root, filter.as_deref()),
        Task::Torture { minutes, again } => torture::run(&root, minutes, again),
        Task::Mutants { matching, again } => mutants::run(&root, matching.as_deref(), again),
        Task::Ci => ci::run(&root),
        Task::Tidy => tidy::run(&root),
        Task::Supply => supply::check(&root),
        Task::Docs { check: true } => docs::check(&root),
        Task::Docs { check: false } => docs::write(&root),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
