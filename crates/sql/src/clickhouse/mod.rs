//! ClickHouse's SQL: where its statements end, and what each of them leaves behind.
//!
//! Tokens are those of today's server; an older one has fewer (no heredoc, no `#` comment, no comment within a comment) and
//! refuses by itself what it takes for something else. Nothing here is a parser: a form that is not known is
//! [`Way::Unknown`], which is always right and sometimes asks a person.

mod alter;
mod classify;
mod cursor;
mod effect;
mod lexer;
mod split;

pub use classify::{Analysis, Way};
pub use effect::{Effect, Thing};

pub(crate) use classify::analyze;
pub(crate) use lexer::Lexer;
pub(crate) use split::split_part;
