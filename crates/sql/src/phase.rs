//! Expand, data, contract: where in a change without downtime a statement belongs.

use std::fmt;
use std::str::FromStr;

use squawk_syntax::{SyntaxKind, SyntaxNode};

/// A phase. A migration that is none of them has no phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Moves or fills rows.
    Data,
    /// Adds: code that does not know of it keeps working.
    Expand,
    /// Takes away or narrows: code that still uses the old shape breaks.
    Contract,
}

impl Phase {
    /// Lower-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Expand => "expand",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no phase")]
pub struct UnknownPhase(String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Data, Self::Expand, Self::Contract]
            .into_iter()
            .find(|phase| phase.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPhase(text.to_owned()))
    }
}

/// The phase that one statement looks like.
pub(crate) fn of(statement: &SyntaxNode) -> Option<Phase> {
    use SyntaxKind as K;
    match statement.kind() {
        K::INSERT | K::UPDATE | K::DELETE | K::MERGE | K::COPY | K::TRUNCATE => Some(Phase::Data),
        K::COMMENT_ON | K::GRANT => Some(Phase::Expand),
        K::REVOKE => Some(Phase::Contract),
        _ => match statement.first_token()?.kind() {
            K::CREATE_KW => Some(Phase::Expand),
            K::DROP_KW => Some(Phase::Contract),
            K::ALTER_KW if narrows(statement) => Some(Phase::Contract),
            K::ALTER_KW => Some(Phase::Expand),
            _ => None,
        },
    }
}

/// Does an ALTER take away a name or values that code may rely on?
fn narrows(alter: &SyntaxNode) -> bool {
    use SyntaxKind as K;
    alter.descendants_with_tokens().any(|inside| {
        matches!(
            inside.kind(),
            K::DROP_COLUMN | K::SET_TYPE | K::SET_NOT_NULL | K::DETACH_PARTITION | K::SET_SCHEMA | K::RENAME_KW
        )
    })
}
