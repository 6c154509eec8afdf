//! Faults everywhere, and what is there afterwards.
//!
//! Every test goes through positions of a fault: in the quick share through a few of them, spread over the run, and with
//! `DUNLIN_TORTURE=full` through all. It counts how many ended as a run without a fault does. Where `DUNLIN_TORTURE_OUT`
//! names a directory, the counts are written there, one line of JSON for each test.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "only tests call this, and they tell what they covered")]

mod alone;
mod clickhouse;
mod crowd;
mod failover;
mod faults;
mod fuzz;
mod jobs;
mod large;
mod pooled;
mod readers;
mod scenario;
mod signals;
mod simulation;
mod splitter;
mod tally;
mod timescale;
