//! Exit codes, and how every failure of a command becomes one.

use std::process::ExitCode;

use dunlin_planner::{Class, Finding, Verdict};

/// What a command's end means for whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Invalid = 2,
    Dirty = 3,
    Drift = 4,
    Blocked = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Done => Self::Done,
            Verdict::Blocked => Self::Blocked,
            Verdict::Failed => Self::Failed,
            Verdict::Drift => Self::Drift,
            Verdict::Dirty => Self::Dirty,
        }
    }
}

/// Why a command stopped before its work.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The project, the files or the databases do not allow it.
    Findings(Vec<Finding>),
    /// It was already said why.
    Said(Exit),
}

impl Stop {
    /// One message with a way out.
    pub(crate) fn because(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Findings(vec![Finding::error(code, message).hint(hint)])
    }

    /// The exit code: what has to be mended first decides.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Said(exit) => *exit,
            Self::Findings(findings) => exit_of(findings.iter()).unwrap_or(Exit::Invalid),
        }
    }
}

/// The exit code of the errors among `findings`, if there are any.
pub(crate) fn exit_of<'f>(findings: impl Iterator<Item = &'f Finding>) -> Option<Exit> {
    gravest(findings.filter(|finding| finding.is_error()).map(|finding| finding.class))
}

/// The exit code of errors of these classes, if there are any.
pub(crate) fn gravest(classes: impl Iterator<Item = Class>) -> Option<Exit> {
    let gravity = |class: &Class| match class {
        Class::Invalid => 4,
        Class::Dirty => 3,
        Class::Drift => 2,
        Class::Failed => 1,
        Class::Blocked => 0,
    };
    Some(match classes.max_by_key(gravity)? {
        Class::Invalid => Exit::Invalid,
        Class::Dirty => Exit::Dirty,
        Class::Drift => Exit::Drift,
        Class::Failed => Exit::Failed,
        Class::Blocked => Exit::Blocked,
    })
}

impl From<Vec<Finding>> for Stop {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}
