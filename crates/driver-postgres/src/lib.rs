//! The driver for PostgreSQL, and what the drivers for its relatives are made of.
//!
//! PROTOCOL.md in this crate tells how a migration and its ledger row become one fact, what each state of a row means, and
//! what a crash leaves behind at each point. The modules follow it: `messages` holds the texts, `window` sends them, `apply`
//! and `alone` are the two ways of executing a step, `ledger` and `bootstrap` look after the tables. Connections are made in
//! `connect` and nowhere else.

mod alone;
mod apply;
mod backend_key;
mod backfill;
mod blockers;
mod bootstrap;
mod connect;
mod conninfo;
mod driver;
mod failure;
mod flavor;
mod inspect;
mod ledger;
mod messages;
mod options;
mod place;
mod pressure;
mod probe;
mod ranges;
mod repair;
mod rows;
mod session;
mod sql;
mod tls;
mod window;

pub use conninfo::ConninfoError;
pub use driver::{PostgresDriver, PostgresSettings};
pub use flavor::{Extension, Flavor, Plain, ServerFacts};
pub use options::{ConnectOptions, Host, SslMode};
pub use tls::CaSource;
