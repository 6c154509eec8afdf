//! Faults everywhere, for as long as it takes, and the page that tells what came of them.
//!
//! The tests `torture` of the package `tests` run in full and write lines of JSON, each into a file of its own. The page is written
//! only when everything was tried and nothing failed: nothing else may claim its counts. What is tried is built as it is
//! released, which spares an hour; the quick share of the tests is built as it is developed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;

use crate::{mutants, servers, shell};

const PAGE: &str = "docs/reliability.md";

/// How many tests run at once.
const THREADS: usize = 2;

/// What one test wrote.
#[derive(Debug, Deserialize)]
struct Tally {
    what: String,
    how: String,
    trials: usize,
    converged: usize,
    /// By the run that met the fault, without another one.
    alone: usize,
    stuck: usize,
    wrong: usize,
    note: String,
    complete: bool,
}

/// Runs it all, for so many minutes at most; `is_again`, only what was not tried in full since it was last
/// begun anew.
pub(crate) fn run(root: &Path, minutes: u64, is_again: bool) -> Result<()> {
    servers::install()?;
    shell::run(shell::cargo(root, "build --quiet --release --package dunlin-cli"))?;
    let out = root.join("target/torture");
    if out.exists() && !is_again {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    let tests = tests(root)?;
    let mut rest = Vec::new();
    for test in &tests {
        if !is_done(&read(&out, test)?) {
            fs::write(file(&out, test), "")?;
            rest.push(test);
        }
    }
    let mut ran = Ok(());
    if !rest.is_empty() {
        let mut command = shell::cargo(root, "test --quiet --release --package dunlin-tests --test torture --");
        command.args(["--exact", "--test-threads", &THREADS.to_string()]).args(rest);
        command.env("DUNLIN_TORTURE", "full").env("DUNLIN_TORTURE_OUT", &out);
        command.env("DUNLIN_TORTURE_SECONDS", (minutes * 60).to_string());
        ran = shell::run(command);
    }
    let tallies = tests.iter().map(|test| read(&out, test)).collect::<Result<Vec<_>>>()?;
    let complete = tallies.iter().all(|of_one| is_done(of_one));
    let mut tallies: Vec<Tally> = tallies.into_iter().flatten().collect();
    tallies.sort_by(|one, other| (&one.what, &one.how).cmp(&(&other.what, &other.how)));
    print!("{}", table(&tallies));
    println!("{}", mutants::last(root));
    ran?;
    if complete {
        fs::write(root.join(PAGE), page(&tallies, mutants::counts(root).ok()))?;
        println!("{PAGE}");
    } else {
        println!(
            "not everything was tried within {minutes} minutes: `{PAGE}` stays as it is; `--again` tries the rest"
        );
    }
    Ok(())
}

fn tests(root: &Path) -> Result<Vec<String>> {
    let mut list =
        shell::cargo(root, "test --quiet --release --package dunlin-tests --test torture -- --list --format terse");
    let output = list.output().context("Cargo cannot be run")?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let tests: Vec<_> = lines.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
    ensure!(!tests.is_empty(), "the tests `torture` do not build\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(tests)
}

/// Where a test writes.
fn file(out: &Path, test: &str) -> PathBuf {
    out.join(test.replace(|char: char| !char.is_ascii_alphanumeric(), "-") + ".jsonl")
}

/// What a test wrote.
fn read(out: &Path, test: &str) -> Result<Vec<Tally>> {
    let text = fs::read_to_string(file(out, test)).unwrap_or_default();
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Whether a test tried everything, and all was well.
fn is_done(tallies: &[Tally]) -> bool {
    let is_well = |tally: &Tally| tally.complete && tally.stuck + tally.wrong == 0;
    !tallies.is_empty() && tallies.iter().all(is_well)
}

fn table(tallies: &[Tally]) -> String {
    let mut text =
        "| what | how | trials | converged | of these at once | stuck | wrong |\n|---|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for Tally { what, how, trials, converged, alone, stuck, wrong, .. } in tallies {
        text += &format!("| {what} | {how} | {trials} | {converged} | {alone} | {stuck} | {wrong} |\n");
    }
    text
}

/// The page; with what came of the mutants, where they were tried on this machine.
fn page(tallies: &[Tally], mutants: Option<String>) -> String {
    let notes: String = tallies
        .iter()
        .filter(|tally| !tally.note.is_empty())
        .map(|tally| format!("- {}, {}: {}\n", tally.what, tally.how, tally.note))
        .collect();
    let mutants = mutants.map(|counts| format!("- code of the decisions, changed by one expression: {counts}\n"));
    format!("{HEAD}\n{}\n{notes}{}", table(tallies), mutants.unwrap_or_default())
}

const HEAD: &str = "# Reliability

<!-- Generated by `cargo xtask torture`; changes made here are lost. -->

What becomes of a project when its runs are disturbed. Each trial is a pair of fresh databases on a real server, with
transactional steps whose effects a second time would double, indexes built and dropped concurrently, a backfill, and
dependencies between the databases in both directions. A proxy counts every message that Dunlin sends over any of its connections, and
lets the fault come before the server has the message, as soon as it has it, or after it has answered and before Dunlin
knows. Then the same command runs again, at most twice beyond waiting for what the server still does for the run before.
On *ClickHouse*, where nothing is transactional, a trial is a database with a table, rows, a column, a mutation that adds to a
number, and a view; faults come at each *request* that Dunlin sends, and up to three runs follow. With *ON CLUSTER* there are two
servers, of which one goes when a statement for both comes and returns later; that statement must not count as done meanwhile.

What is *simulated* are random projects of up to 25 migrations in up to three databases in memory, executed by the same
planner and engine on a clock that costs nothing. One seed each decides the project, what is asked for (up, down with
everything behind, up again), what becomes of every message, when the process dies or is asked to stop; whether each effect
comes once and in its turn is judged as it happens, whether a failure blocks its descendants and nothing else from every
report. A failure prints the seed that repeats it.

What the *splitter* is held *against the server* for are random scripts and changed migrations: the server is asked, without
executing anything, whether each statement is one command, whether all of them together are as many as the script has, and
whether what is wrong is wrong at the same place. *Readers* are fed with texts changed at random, and *streamed* files are
compared with held ones; there, to converge is to answer in time with a value or with what is wrong and where.

- **converged**: the end is exit code 0, and schema, rows and ledgers are what they are without a fault.
- **of these at once**: the very run that met the fault ended so; killed processes need another one.
- **stuck**: a person would have to do something.
- **wrong**: something was done twice, or not at all, or left behind.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_done_when_all_it_tried_was_well() {
        let told = |stuck, complete| {
            let line = format!(
                r#"{{"what":"w","how":"h","trials":1,"converged":1,"alone":0,"stuck":{stuck},"wrong":0,"note":"","complete":{complete}}}"#
            );
            serde_json::from_str(&line).unwrap()
        };
        assert!(is_done(&[told(0, true)]) && is_done(&[told(0, true), told(0, true)]));
        for not in [vec![], vec![told(1, true)], vec![told(0, false)], vec![told(0, true), told(0, false)]] {
            assert!(!is_done(&not), "{not:?}");
        }
        assert_eq!(file(Path::new("o"), "jobs::of_1"), Path::new("o/jobs--of-1.jsonl"));
    }

    #[test]
    fn a_tally_is_a_row_and_its_note_a_line() {
        let line = r#"{"what":"w","how":"h","trials":3,"converged":2,"alone":1,"stuck":1,"wrong":0,"note":"n","complete":true,"seconds":9}"#;
        let tallies = [serde_json::from_str(line).unwrap()];
        let said = "\n| w | h | 3 | 2 | 1 | 1 | 0 |\n\n- w, h: n\n";
        assert!(page(&tallies, None).ends_with(said), "{}", page(&tallies, None));
        let mutants = "- code of the decisions, changed by one expression: 9\n";
        assert!(page(&tallies, Some("9".to_owned())).ends_with(&format!("{said}{mutants}")));
    }
}
