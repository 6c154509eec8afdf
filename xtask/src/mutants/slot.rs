//! A place where one process of tests runs at a time, with programs of its own and the file that says which mutant they are.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs_err as fs;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::mutants::build::Program;

/// In KiB. A mutant that only ever adds to a list would take all that the machine has.
const MEMORY: usize = 6 << 20;

/// How often a process is asked whether it is done.
const TURN: Duration = Duration::from_millis(3);

/// How a process of tests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Failed,
    /// It was killed.
    TooLate,
}

/// A directory with the programs.
pub(crate) struct Slot {
    dir: PathBuf,
    /// Whether tests start servers, which would have their limits for as long as they run.
    has_servers: bool,
}

impl Slot {
    /// Puts all programs, and `dunlin`, into a new directory, as Cargo would have.
    pub(crate) fn new(dir: PathBuf, programs: &[Program], dunlin: Option<&Path>) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(dir.join("deps"))?;
        let this = Self { dir, has_servers: dunlin.is_some() };
        for program in programs {
            fs::hard_link(&program.path, this.program(program)?)?;
        }
        if let Some(dunlin) = dunlin {
            fs::hard_link(dunlin, this.dir.join("dunlin"))?;
        }
        Ok(this)
    }

    /// The names of all tests of a program.
    pub(crate) fn list(&self, program: &Program) -> Result<Vec<String>> {
        let mut command = Command::new(self.program(program)?);
        let output = command.args(["--list", "--format", "terse"]).current_dir(&program.dir).output()?;
        let lines = String::from_utf8_lossy(&output.stdout);
        Ok(lines.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs tests as no mutant, and says which switches they reached.
    pub(crate) fn record(&self, program: &Program, tests: &[&str], limit: Duration) -> Result<(End, Vec<usize>)> {
        let record = self.dir.join("reached");
        fs::write(&record, "")?;
        self.order(record.as_os_str())?;
        let end = self.run(program, tests, limit)?;
        let numbers = fs::read_to_string(&record)?;
        Ok((end, numbers.lines().filter_map(|line| line.parse().ok()).collect()))
    }

    /// Runs tests as this mutant.
    pub(crate) fn mutate(&self, number: usize, program: &Program, tests: &[&str], limit: Duration) -> Result<End> {
        self.order(OsStr::new(&number.to_string()))?;
        self.run(program, tests, limit)
    }

    fn order(&self, order: &OsStr) -> Result<()> {
        Ok(fs::write(self.dir.join("mutant"), order.as_encoded_bytes())?)
    }

    fn program(&self, program: &Program) -> Result<PathBuf> {
        Ok(self.dir.join("deps").join(program.path.file_name().context("a program has a name")?))
    }

    fn run(&self, program: &Program, tests: &[&str], limit: Duration) -> Result<End> {
        // The time counts where nobody is left who would end it.
        let limits = format!("ulimit -v {MEMORY}; ulimit -t {};", 2 * limit.as_secs());
        let limits = if self.has_servers { "" } else { &limits };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limits} exec \"$@\""), "sh"]).arg(self.program(program)?);
        command.args(["--exact", "--test-threads", "1"]).args(tests).current_dir(&program.dir);
        let root = program.dir.ancestors().find(|dir| dir.join("Cargo.lock").exists());
        command.envs(root.map(|root| ("INSTA_WORKSPACE_ROOT", root))).env("INSTA_UPDATE", "no");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        end(command.spawn().context("`sh` cannot be run")?, limit)
    }
}

/// Waits for a process; kills it, and what it started, when it takes too long.
fn end(mut child: Child, limit: Duration) -> Result<End> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { End::Passed } else { End::Failed });
        }
        if since.elapsed() > limit {
            killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL)?;
            child.wait()?;
            return Ok(End::TooLate);
        }
        thread::sleep(TURN);
    }
}

/// Does each piece of work in one of the slots, and hands on what came of it, in the order in which it is done.
pub(crate) fn each<T: Sync, R: Send>(
    slots: &[Slot],
    work: &[T],
    job: impl Fn(&Slot, &T) -> Result<R> + Sync,
    mut done: impl FnMut(&T, R) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for slot in slots {
            let (sender, next, job) = (sender.clone(), &next, &job);
            scope.spawn(move || {
                while let Some(piece) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((piece, job(slot, piece))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().try_for_each(|(piece, result)| done(piece, result?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_or_is_ended() {
        let run = |script: &str, limit| {
            let mut command = Command::new("sh");
            end(command.args(["-c", script]).process_group(0).spawn().unwrap(), Duration::from_millis(limit)).unwrap()
        };
        assert_eq!(run("exit 0", 60_000), End::Passed);
        assert_eq!(run("exit 1", 60_000), End::Failed);
        assert_eq!(run("sleep 60 & wait", 10), End::TooLate);
    }
}
