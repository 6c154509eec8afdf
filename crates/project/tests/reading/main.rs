//! Reads projects from the disk: small ones that a test describes, and the example fleet.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod backfills;
mod config;
mod connections;
mod dependencies;
mod files;
mod fixture;
mod fleet;
mod hostile;
mod jobs;
mod large;
mod migrations;
mod styles;
mod timescale;
