//! Running other programs: their output is kept, and its tail goes into the error.

use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Output};

use crate::error::DevdbError;
use crate::lock::Lock;

const TAIL_LINES: usize = 20;

/// A command with nothing of the caller's environment and working directory.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

/// Runs a command to its end and returns what it wrote to stdout.
pub(crate) fn run(command: &mut Command) -> Result<String, DevdbError> {
    let output = command.output().map_err(|source| DevdbError::Spawn { program: name(command), source })?;
    check(command, output)
}

/// As [`run`], for a helper that may outlive this process: it holds the lock too, so that nobody interferes with what
/// it does, and writes into a file, so that no broken pipe kills it half-way. Returns all that it wrote.
pub(crate) fn run_locked(command: &mut Command, lock: &Lock) -> Result<String, DevdbError> {
    let mut file = tempfile::tempfile()?;
    command.stdin(lock.stdin()?).stdout(file.try_clone()?).stderr(file.try_clone()?);
    let status = command.status().map_err(|source| DevdbError::Spawn { program: name(command), source })?;
    let mut stdout = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut stdout)?;
    check(command, Output { status, stdout, stderr: Vec::new() })
}

/// Runs a command whose stdin, stdout and stderr are its own.
pub(crate) fn run_attached(command: &mut Command) -> Result<(), DevdbError> {
    let status = command.status().map_err(|source| DevdbError::Spawn { program: name(command), source })?;
    let output = Output { status, stdout: Vec::new(), stderr: Vec::new() };
    check(command, output).map(drop)
}

/// The stdout of a finished command, or its failure.
pub(crate) fn check(command: &Command, output: Output) -> Result<String, DevdbError> {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(DevdbError::Program { program: name(command), status: output.status, output: tail(&text) })
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}
