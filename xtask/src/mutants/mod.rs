//! Mutation testing: whether a test notices when the code says something else.
//!
//! What a mutant is, and which are left out for which reason, decide cargo-mutants and `.cargo/mutants.toml`. Building the
//! tests once for each of them would take days. So all are written into one copy of the repository, each behind a
//! switch that is set when a test starts; that copy is built once, and a mutant runs only tests that come past its switch.

mod build;
mod list;
mod outcomes;
mod places;
mod run;
mod slot;
mod switches;
mod tree;
mod trials;

pub(crate) use outcomes::{counts, last};
pub(crate) use run::run;
