//! The driver for PostgreSQL, and what the drivers for its relatives are made of.
//!
//! PROTOCOL.md in this crate tells how a migration and its ledger row become one fact, what each state of a row means, and
//! what a crash leaves behind at each point. The modules follow it: `messages` holds the texts, `window` sends them, `apply`
//! and `alone` are the two ways of executing a step, `ledger` and `bootstrap` look after the tables. Connections are made in
//! `connect` and nowhere else.

mod adopt;
mod alone;
mod apply;
mod asked;
mod auth;
mod backend_key;
mod backfill;
mod blockers;
mod bootstrap;
mod certificate;
mod chain;
mod client_key;
mod connect;
mod conninfo;
mod crontab;
mod deadline;
mod driver;
mod failure;
mod flavor;
mod health;
mod hosts;
mod inspect;
mod jobs;
mod keys;
mod ledger;
mod listing;
mod messages;
mod notices;
mod obligation;
mod offers;
mod options;
mod passfile;
mod place;
mod pressure;
mod probe;
mod promise;
mod ranges;
mod reading;
mod refusal;
mod repair;
mod replicas;
mod roles;
mod rows;
mod service;
mod session;
mod settings;
mod shape;
mod sql;
mod streamed;
mod tls;
mod tls_reading;
mod verifier;
mod window;
mod wire;

pub use conninfo::ConninfoError;
pub use driver::{PostgresDriver, PostgresSettings};
pub use flavor::{Crontab, Extension, Flavor, Listing, Pausing, Plain, ServerFacts};
pub use keys::{KEYS, Key};
pub use offers::POSTGRES;
pub use options::ConnectOptions;
pub use roles::roles_script;
pub use settings::Surroundings;
