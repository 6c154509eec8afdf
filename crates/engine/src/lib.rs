//! The imperative shell: opens drivers, reads ledgers, asks the run what to do next, does it in parallel, emits events.
//!
//! It decides nothing that the planner could decide: which step is next, whether a failure is tried again and how long it
//! rests are the [`Run`](dunlin_planner::Run)'s answers; how a step that is no transaction proceeds is the
//! [`Walk`](dunlin_planner::Walk)'s, how large the next range of a backfill is the
//! [`Backfill`](dunlin_planner::Backfill)'s.

mod backfill;
mod connect;
mod examine;
mod execute;
mod observe;
mod pausing;
mod replication;
mod sealing;
mod step;
mod stop;
mod verify;

pub use connect::{Connectors, Patience};
pub use examine::examine;
pub use execute::{Execution, execute};
pub use observe::{estimate, observe};
pub use step::EventSink;
pub use verify::verify;
