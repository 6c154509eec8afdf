//! Where statements end, by the server's own word.
//!
//! The server takes one command at a time for a prepared statement: it reads a text by its grammar and refuses two commands
//! in a way of its own. In a transaction that has failed it then refuses everything that would not end it, before it looks
//! at what the command means. So random texts cost a message each, and nothing of them is ever executed.

mod clickhouse;
pub(crate) mod corpus;
mod grammar;
mod judge;
mod server;
mod streamed;
pub(crate) mod trials;
