//! What a doctor makes of facts: one thing changed against a database that is well, and what is said of it.

mod server;
mod targets;
mod well;
