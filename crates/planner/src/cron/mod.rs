//! Jobs of pg_cron as declarations: what a set's `jobs.toml` asks for, what the server has, and what lies between.
//!
//! A set's jobs are one repeatable migration, `SET/jobs`. Its checksum is that of what is declared; what runs is the difference
//! from the server's jobs that the plan shows. What is declared in an environment's own words (a target's name for a database)
//! is resolved here, by what the databases said.

mod diff;
mod facts;
mod job;
mod judge;
mod schedule;
mod time;

pub use facts::{AppliedJob, JobFacts, JobRun, JobsVersion, LiveJob, Word};
pub use job::{Alteration, Job, JobChange, JobKey, Jobs};
pub use schedule::{Schedule, ScheduleError};

pub(crate) use diff::{reconciled, removed};
pub(crate) use judge::{drifts, orphans};
