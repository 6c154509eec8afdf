//! Transaction control in a script: which of it can be taken off, and which would break the transaction around it.
//!
//! Dunlin commits a migration and its ledger row together, so a body must not end its transaction. The one pair that
//! many teams write around the whole file says the same and is taken off; all else is refused. Savepoints are fine.
//! Bodies of DO and of routines are not looked into: classification does that.

use std::ops::Range;

use crate::lexer::{Lexer, Token};
use crate::split::Statement;

/// What the file's own BEGIN or SET TRANSACTION asks for. It moves into the transaction that Dunlin opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionModes {
    /// The isolation level, if one is named.
    pub isolation: Option<IsolationLevel>,
    /// READ ONLY: the body may not write, and neither could the ledger.
    pub read_only: bool,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// The statement that says so.
    pub range: Range<usize>,
}

/// An isolation level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// READ UNCOMMITTED, which PostgreSQL takes as READ COMMITTED.
    ReadUncommitted,
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ.
    RepeatableRead,
    /// SERIALIZABLE.
    Serializable,
}

/// Transaction control that cannot run inside the transaction around a migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A BEGIN, COMMIT, ROLLBACK, END or ABORT that is no outermost pair.
    #[error("`{statement}` would break the transaction that this migration runs in")]
    Breaks {
        /// The statement's first words.
        statement: String,
        /// The statement.
        range: Range<usize>,
    },
    /// A BEGIN at the start without a COMMIT at the end.
    #[error("this BEGIN has no COMMIT at the end of the file")]
    Unpaired {
        /// The BEGIN.
        range: Range<usize>,
    },
    /// Two-phase commit.
    #[error("`{statement}` leaves or ends a prepared transaction, whose locks outlive the migration")]
    TwoPhase {
        /// The statement's first words.
        statement: String,
        /// The statement.
        range: Range<usize>,
    },
    /// SET TRANSACTION behind another statement.
    #[error("SET TRANSACTION must come before the first statement")]
    LateModes {
        /// The statement.
        range: Range<usize>,
    },
    /// COPY … TO STDOUT.
    #[error("COPY … TO STDOUT has nowhere to go in a migration")]
    CopyToStdout {
        /// The statement.
        range: Range<usize>,
    },
}

impl ControlError {
    /// The statement.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Breaks { range, .. }
            | Self::Unpaired { range }
            | Self::TwoPhase { range, .. }
            | Self::LateModes { range }
            | Self::CopyToStdout { range } => range.clone(),
        }
    }

    /// What to change.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Breaks { .. } => {
                "keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own"
            }
            Self::Unpaired { .. } => "remove the BEGIN; a migration runs in one transaction anyway",
            Self::TwoPhase { .. } => "remove it; a migration commits with its ledger row",
            Self::LateModes { .. } => "move it to the start of the file",
            Self::CopyToStdout { .. } => "remove it, or copy into a table",
        }
    }
}

/// Statements with the transaction control taken off.
pub(crate) struct Settled {
    pub(crate) statements: Vec<Statement>,
    pub(crate) removed: Vec<Range<usize>>,
    pub(crate) pair: bool,
    pub(crate) modes: Option<TransactionModes>,
    pub(crate) errors: Vec<ControlError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Begin,
    Commit,
    Other,
    TwoPhase,
    SetTransaction,
    CopyToStdout,
}

/// What becomes of the transaction control in a script.
pub(crate) struct Verdict {
    /// Is there an outermost pair?
    pub(crate) pair: bool,
    /// The statements that do not run.
    pub(crate) removed: Vec<usize>,
    /// Those that must not be there; true for a BEGIN that nothing ends.
    pub(crate) wrong: Vec<(usize, bool)>,
}

/// Judges the transaction control among `count` statements, each with its number and in order.
pub(crate) fn judge(controls: &[(usize, Control)], count: usize) -> Verdict {
    let last = count.saturating_sub(1);
    let begins = controls.first() == Some(&(0, Control::Begin));
    let pair = begins && controls.last() == Some(&(last, Control::Commit));
    let mut verdict = Verdict { pair, removed: Vec::new(), wrong: Vec::new() };
    let mut modes_end = usize::from(pair);
    for (at, control) in controls.iter().copied() {
        if at == modes_end && control == Control::SetTransaction {
            modes_end += 1;
        }
        if at < modes_end || (pair && at == last) {
            verdict.removed.push(at);
        } else {
            let unpaired = at == 0 && !controls[1..].iter().any(|(_, control)| ends(*control));
            verdict.wrong.push((at, unpaired));
        }
    }
    verdict
}

/// Takes off the outermost pair and leading SET TRANSACTIONs, and reports the rest.
pub(crate) fn settle(text: &str, statements: Vec<Statement>) -> Settled {
    let each = statements.iter().enumerate();
    let controls: Vec<_> = each.filter_map(|(at, statement)| Some((at, control(text, statement)?))).collect();
    let Verdict { pair, removed, wrong } = judge(&controls, statements.len());
    let kind = |at: usize| controls.binary_search_by_key(&at, |(at, _)| *at).ok().map(|found| controls[found].1);
    let mut settled = Settled { statements: Vec::new(), removed: Vec::new(), pair, modes: None, errors: Vec::new() };
    for (at, unpaired) in wrong {
        let range = &statements[at].range;
        settled.errors.extend(kind(at).map(|control| error(text, control, range, unpaired)));
    }
    for (at, statement) in statements.into_iter().enumerate() {
        if removed.binary_search(&at).is_ok() {
            merge(&mut settled.modes, modes(text, &statement));
            settled.removed.push(statement.range.start..statement.end);
        } else {
            settled.statements.push(statement);
        }
    }
    settled
}

fn ends(control: Control) -> bool {
    matches!(control, Control::Commit | Control::Other)
}

pub(crate) fn error(text: &str, control: Control, range: &Range<usize>, unpaired: bool) -> ControlError {
    let range = range.clone();
    let words: Vec<_> = head(text, &range).take(3).map(|token| token.text).collect();
    let statement = words.join(" ");
    match control {
        Control::Begin if unpaired => ControlError::Unpaired { range },
        Control::Begin | Control::Commit | Control::Other => ControlError::Breaks { statement, range },
        Control::TwoPhase => ControlError::TwoPhase { statement, range },
        Control::SetTransaction => ControlError::LateModes { range },
        Control::CopyToStdout => ControlError::CopyToStdout { range },
    }
}

fn head<'a>(text: &'a str, range: &Range<usize>) -> impl Iterator<Item = Token<'a>> {
    Lexer::within(text, range).significant()
}

/// The transaction control that a statement is.
pub(crate) fn control(text: &str, statement: &Statement) -> Option<Control> {
    let relevant = ["begin", "start", "commit", "end", "rollback", "abort", "prepare", "set", "copy"];
    let first = head(text, &statement.range).next()?;
    if !relevant.iter().any(|word| first.is(word)) {
        return None;
    }
    let rest: Vec<_> = head(text, &statement.range).skip(1).take(8).collect();
    let second = |word: &str| rest.first().is_some_and(|token| token.is(word));
    let any = |word: &str| rest.iter().any(|token| token.is(word));
    if first.is("begin") || (first.is("start") && second("transaction")) {
        Some(Control::Begin)
    } else if first.is("commit") || first.is("end") || first.is("rollback") {
        if second("prepared") {
            Some(Control::TwoPhase)
        } else if first.is("rollback") {
            (!any("to")).then_some(Control::Other)
        } else if any("chain") && !any("no") {
            Some(Control::Other)
        } else {
            Some(Control::Commit)
        }
    } else if first.is("abort") {
        Some(Control::Other)
    } else if first.is("prepare") && second("transaction") {
        Some(Control::TwoPhase)
    } else if first.is("set") {
        let at = usize::from(second("local"));
        let sets_modes = rest.get(at).is_some_and(|token| token.is("transaction"))
            && !rest.get(at + 1).is_some_and(|token| token.is("snapshot"));
        sets_modes.then_some(Control::SetTransaction)
    } else if first.is("copy") {
        copies_to_stdout(text, &statement.range).then_some(Control::CopyToStdout)
    } else {
        None
    }
}

fn copies_to_stdout(text: &str, range: &Range<usize>) -> bool {
    let tokens: Vec<_> = head(text, range).collect();
    tokens.windows(2).any(|pair| pair[0].is("to") && (pair[1].is("stdout") || pair[1].is("stdin")))
}

/// What one statement asks for.
pub(crate) fn modes(text: &str, statement: &Statement) -> Option<TransactionModes> {
    let tokens: Vec<_> = head(text, &statement.range).collect();
    let any = |word: &str| tokens.iter().any(|token| token.is(word));
    let isolation = if any("serializable") {
        Some(IsolationLevel::Serializable)
    } else if any("repeatable") {
        Some(IsolationLevel::RepeatableRead)
    } else if any("uncommitted") {
        Some(IsolationLevel::ReadUncommitted)
    } else if any("committed") {
        Some(IsolationLevel::ReadCommitted)
    } else {
        None
    };
    let read_only = any("only");
    let deferrable = any("deferrable") && !any("not");
    let asks = isolation.is_some() || read_only || deferrable;
    asks.then(|| TransactionModes { isolation, read_only, deferrable, range: statement.range.clone() })
}

/// Adds what a later statement asks for.
pub(crate) fn merge(modes: &mut Option<TransactionModes>, later: Option<TransactionModes>) {
    let Some(later) = later else { return };
    let earlier = modes.take().unwrap_or_default();
    *modes = Some(TransactionModes {
        isolation: later.isolation.or(earlier.isolation),
        read_only: later.read_only || earlier.read_only,
        deferrable: later.deferrable || earlier.deferrable,
        range: later.range,
    });
}
