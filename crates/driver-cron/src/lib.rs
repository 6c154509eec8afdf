//! pg_cron's database as a flavor of PostgreSQL: jobs live in one database of a server, and only there.
//!
//! The extension itself may be missing, since a migration can create it; the database must be the one that the server's
//! configuration names.

mod cron;
mod jobs;

pub use cron::{Cron, OFFERS};
