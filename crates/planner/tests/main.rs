//! The planner's decisions, as cases, as properties of random graphs, and as simulated runs.

#![expect(clippy::unwrap_used, reason = "a test whose input does not parse has failed")]

mod advice;
mod attempt;
mod backfill;
mod called;
mod chain;
mod cycles;
mod dependencies;
mod doctor;
mod down;
mod drift;
mod failover;
mod held;
mod identity;
mod inferred;
mod job_findings;
mod jobs;
mod needs;
mod pausing;
mod policy;
mod properties;
mod repair;
mod scale;
mod schedule;
mod selection;
mod simulation;
mod status;
mod support;
mod up;
mod verify;
mod walk;
mod words;
