//! Real throw-away servers of PostgreSQL and ClickHouse on this machine.
//!
//! A [`Cluster`] is one server with its data, in a directory of its own under a [`Home`]. [`Cluster::start`] provides
//! the server programs ([`Flavour`]), makes the data, starts the server or joins the one that runs already, and hands
//! out URLs. Whoever holds a `Cluster` owns it, together with all others that hold it in this or another process; what
//! happens when the last owner leaves, or is killed, is its [`Life`]. A [`Pooler`] before a cluster
//! and a [`Standby`] of it go with who made them.
//!
//! The crate knows nothing of migrations, reads no environment variable and prints nothing: progress goes to a
//! callback. It is synchronous, for it mostly waits for other programs. Linux only; what is installed privately
//! needs Debian, and [`Flavour::Chdb`] Python.
//!
//! A server listens on 127.0.0.1 (PostgreSQL also on a Unix socket) and trusts everybody who can connect: it is for tests, never for
//! data of value.

mod account;
mod apt;
mod bouncer;
mod clickhouse;
mod cluster;
mod data;
mod database;
mod debian;
mod error;
mod home;
mod http;
mod lock;
mod place;
mod pooler;
mod program;
mod recipe;
mod server;
mod spec;
mod standby;
mod state;
mod tree;
mod watchdog;
mod wheels;

pub use cluster::{Cluster, ClusterInfo, Departure};
pub use database::Template;
pub use error::DevdbError;
pub use home::Home;
pub use pooler::Pooler;
pub use recipe::{Flavour, install};
pub use spec::{ClusterSpec, Life};
pub use standby::Standby;
