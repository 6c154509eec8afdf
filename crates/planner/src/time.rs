//! A moment as a value: the planner compares no clocks and asks none.

use serde::Serialize;

/// Microseconds since the Unix epoch, by the clock of whoever stamped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);
