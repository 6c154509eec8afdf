//! `[policy]` and `[backup]`: what is asked for before and while migrations run.

use dunlin_planner::{Finding, Place, Policy};
use secrecy::SecretString;

use super::view::View;

/// What must have happened before anything is applied, and what is allowed at all. The cli enforces it.
#[derive(Debug, Clone, Default)]
pub struct PolicyGates {
    /// A person must approve a plan; where that is asked for.
    pub approval: Option<Place>,
    /// A backup must be taken first.
    pub backup: Option<BackupGate>,
    /// Whether `reset` is allowed on disposable targets.
    pub reset: bool,
}

/// How a required backup is taken.
#[derive(Debug, Clone)]
pub struct BackupGate {
    /// The shell command, which may hold a secret.
    pub command: SecretString,
    /// Where it is asked for.
    pub place: Place,
}

/// What becomes of the linter's findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lint {
    /// They are dropped.
    Off,
    /// They are shown.
    #[default]
    Warn,
    /// Warnings are errors.
    Deny,
}

/// Everything of `[policy]`.
pub(crate) fn read(config: View<'_>, findings: &mut Vec<Finding>) -> (Policy, PolicyGates, Lint) {
    let policy = config.section("policy");
    let base = Policy::default();
    let required = |key: &str| (policy.text(key) == Some("required")).then(|| policy.key(key)).flatten();
    let backup = required("backup").and_then(|key| match config.section("backup").text("command") {
        Some(command) => Some(BackupGate { command: SecretString::from(command), place: key.place() }),
        None => {
            let finding = Finding::error("backup-command-missing", "a backup is required, and no command takes one");
            findings.push(finding.at(key.place()).hint("add [backup] with `command = \"…\"`"));
            None
        }
    });
    let gates = PolicyGates {
        approval: required("approval").map(crate::tree::Span::place),
        backup,
        reset: policy.flag("reset").unwrap_or(false),
    };
    let lint = match policy.text("lint") {
        Some("off") => Lint::Off,
        Some("deny") => Lint::Deny,
        _ => Lint::Warn,
    };
    let flag = |key, default| policy.flag(key).unwrap_or(default);
    let policy = Policy {
        seeds: flag("seeds", base.seeds),
        pull_in: flag("pull_in", base.pull_in),
        require_down: flag("require_down", base.require_down),
        deny_warnings: lint == Lint::Deny,
    };
    (policy, gates, lint)
}
