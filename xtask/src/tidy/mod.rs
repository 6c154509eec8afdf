//! The rules of this repository that no compiler knows, as code.
//!
//! Each check takes a path and a text, or a manifest, and returns findings; none stops at its first. Exceptions are few,
//! each with its reason, in `xtask/tidy.toml`; one that is no longer needed is a finding itself, so that the list can
//! only get shorter. What clippy can check is left to clippy.

mod edges;
mod exceptions;
mod facts;
mod finding;
mod lengths;
mod report;
mod rust;
mod text;

pub(crate) use finding::{Check, Finding};
pub(crate) use report::{run, sources, tell};
