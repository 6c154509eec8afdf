//! The example fleet from nothing to migrated, back a part of the way, and up again, on a server of its own.
//!
//! It is a show and a check: every step says what it is for, and has to end as it should. The server, and the ClickHouse
//! beside it, belong to this process; when it ends, in whatever way, they go.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{servers, shell};

/// The variable that names the embedded server.
const CLUSTER: &str = "DUNLIN_CLUSTER";

/// One command, and what it has to say.
struct Step {
    why: &'static str,
    arguments: &'static str,
    /// Its exit code.
    code: i32,
    /// What its output contains, blanks aside.
    says: &'static [&'static str],
}

const STEPS: &[Step] = &[
    Step {
        why: "What would run where, and in which order. Nothing is changed.",
        arguments: "plan --env dev",
        code: 0,
        says: &["auth/20240101_001"],
    },
    Step {
        why: "All of it: several databases, one dependency order.",
        arguments: "up --env dev --yes",
        code: 0,
        says: &["applied"],
    },
    Step { why: "Where every migration stands.", arguments: "status --env dev", code: 0, says: &["applied"] },
    Step {
        why: "Again: there is nothing left to do.",
        arguments: "up --env dev --yes",
        code: 0,
        says: &["nothing to do"],
    },
    Step {
        why: "Taking back what nearly everything depends on: refused before anything is touched, for some cannot go back.",
        arguments: "down --env dev --version auth/20240101_001 --cascade --yes",
        code: 2,
        says: &["has no down"],
    },
    Step {
        why: "Taking back one migration with what depends on it, in whichever database that is.",
        arguments: "down --env dev --version inosec-edge/20240101_009 --cascade --yes",
        code: 0,
        says: &["taken back"],
    },
    Step { why: "What was taken back is pending again.", arguments: "status --env dev", code: 0, says: &["pending"] },
    Step { why: "And is applied once more.", arguments: "up --env dev --yes", code: 0, says: &["applied"] },
    Step {
        why: "All is as it was; for programs this time.",
        arguments: "up --env dev --yes --format json",
        code: 0,
        says: &["\"steps\":[]"],
    },
];

/// Whether somebody asked to stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The process that runs, or 0.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// Runs the steps up to the first that does not end as it should, and leaves no server behind.
pub(crate) fn run(root: &Path) -> Result<()> {
    let binary = shell::build_dunlin(root)?;
    ctrlc::set_handler(interrupt).context("signals cannot be handled")?;
    let cluster = servers::temporary()?;
    let sidecar = servers::sidecar(&cluster)?;
    let dunlin = Dunlin { binary, root, cluster: cluster.name().to_owned() };
    let done = STEPS
        .iter()
        .try_for_each(|step| dunlin.run(step).with_context(|| format!("demo step `dunlin {}`", step.arguments)));
    let removed = servers::remove(sidecar).and(servers::remove(cluster));
    done.and(removed)
}

/// Asks the running command to stop; what follows is then skipped.
fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    let pid = RUNNING.load(Ordering::SeqCst);
    if pid != 0 {
        // It may have ended by itself meanwhile.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

struct Dunlin<'a> {
    binary: PathBuf,
    root: &'a Path,
    cluster: String,
}

impl Dunlin<'_> {
    fn run(&self, step: &Step) -> Result<()> {
        ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
        println!("\n# {}\n$ dunlin {}", step.why, step.arguments);
        let mut child = self.command(step.arguments).spawn().context("`dunlin` cannot be run")?;
        RUNNING.store(i32::try_from(child.id()).context("process ids are 31 bits")?, Ordering::SeqCst);
        if INTERRUPTED.load(Ordering::SeqCst) {
            // The signal came before there was a process to pass it on to.
            interrupt();
        }
        let said = show(&mut child);
        let status = child.wait();
        RUNNING.store(0, Ordering::SeqCst);
        ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
        let (said, status) = (said?, status?);
        ensure!(status.code() == Some(step.code), "it ended with {status}, not with {}", step.code);
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        if let Some(missing) = step.says.iter().find(|part| !dense(&said).contains(&dense(part))) {
            bail!("it does not say `{missing}`");
        }
        Ok(())
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.binary);
        // Whoever runs the demo may have settings of their own, for databases of their own.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("DUNLIN_") || text.starts_with("PG") || text == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        command.env(servers::PREFIX, servers::home().dir()).env(CLUSTER, &self.cluster);
        command.args(arguments.split_whitespace()).current_dir(self.root);
        // A group of its own: Ctrl-C reaches it through us, once, so that it can end in good order.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        command
    }
}

/// Shows the child's output as it comes, and returns it.
fn show(child: &mut Child) -> Result<String> {
    let output = child.stdout.take().context("the output is piped")?;
    let (mut terminal, mut said) = (std::io::stdout().lock(), String::new());
    for line in BufReader::new(output).lines() {
        let line = line? + "\n";
        terminal.write_all(line.as_bytes())?;
        said += &line;
    }
    Ok(said)
}
