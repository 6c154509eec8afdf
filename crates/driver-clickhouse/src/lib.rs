//! Dunlin's driver for ClickHouse, over its HTTP interface, from 18.16 on.
//!
//! ClickHouse has no transactions, so that a change and its record cannot be one fact. Every statement is written down before it is
//! sent (the intent) and after it was seen to be done, in a ledger on the same server; what a crash leaves in between, the next run
//! looks up in the catalog. What cannot be looked up is left to a person.
//!
//! What runs on several servers behind one name is not supported: the ledger is one server's, and a run that lands on another one
//! stops.

mod claim;
mod driver;
mod event;
mod execute;
mod health;
mod http;
mod ledger;
mod lock;
mod mutations;
mod offers;
mod options;
mod probe;
mod repair;
mod replicas;
mod reply;
mod rows;
mod server;
mod session;
mod sql;
mod tables;
mod tls;
mod trust;

pub use driver::{ClickHouseDriver, ClickHouseSettings};
pub use offers::OFFERS;
pub use options::{ConnectOptions, OptionsError};
