//! TimescaleDB as a flavor of PostgreSQL: what it needs of the server, and which of its licences the server carries.
//!
//! The extension itself may be missing in the database, since a migration can create it; the server must have it.

mod timescale;

pub use timescale::{OFFERS, Timescale};
