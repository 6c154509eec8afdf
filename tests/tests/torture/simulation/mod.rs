//! Random projects, executed as a run executes them, over databases in memory and a clock that costs nothing.
//!
//! One seed decides everything: the project, what is asked for, what every message takes and what becomes of it, when a
//! process dies or is asked to stop. The planner, the run and the engine are the real ones; databases in memory keep the
//! protocol's promises. What is right is worked out beside the planner, by every pair of migrations.

mod body;
mod connection;
mod history;
mod judge;
mod life;
mod process;
mod project;
pub(crate) mod random;
mod trials;
mod weather;
mod world;
