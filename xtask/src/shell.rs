//! Running Cargo and the binary that it builds.
//!
//! Children inherit the terminal, so that what a person sees is the child's own output. A command is echoed before it
//! runs: whatever fails can be run again by hand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The root of the workspace. Asked of Cargo at run time, for a build directory may serve several checkouts.
pub(crate) fn root() -> Result<PathBuf> {
    let own = env::var_os("CARGO_MANIFEST_DIR").context("run it through Cargo, as `cargo xtask`")?;
    let root = Path::new(&own).parent().context("the directory of xtask lies in the workspace")?;
    Ok(root.to_owned())
}

/// A Cargo command at the root, with arguments parted by blanks.
pub(crate) fn cargo(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split_whitespace()).current_dir(root);
    command
}

/// Whether Cargo has a subcommand.
pub(crate) fn has_cargo(root: &Path, subcommand: &str) -> bool {
    let mut command = cargo(root, subcommand);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Echoes a command, runs it, and fails if it does.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = words(&command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` cannot be run"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// The command as a person would type it.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let settings = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let settings = settings.map(|(name, value)| format!("{}={:?}", name.display(), value));
    let arguments = command.get_args().map(|argument| argument.display().to_string());
    let all: Vec<String> = settings.chain([program.display().to_string()]).chain(arguments).collect();
    all.join(" ")
}

/// Builds the binary and returns its path.
pub(crate) fn build_dunlin(root: &Path) -> Result<PathBuf> {
    let status = cargo(root, "build --quiet --package dunlin-cli").status().context("Cargo cannot be run")?;
    ensure!(status.success(), "`dunlin` does not build");
    // Cargo puts the programs of one profile into one directory.
    Ok(env::current_exe().context("the running program has no path")?.with_file_name("dunlin"))
}
