//! Dunlin from the outside: what the end-to-end tests under `tests/` share.
//!
//! Everything goes through the binary, as a person or a pipeline would use it, on real servers. A test that needs a few
//! databases takes them from [`Server::shared`]; one that runs the whole example fleet has a server of its own,
//! [`Server::own`], since pg_cron's jobs live in one database of a server and name another one. What a test makes goes
//! with it, also when it fails.
//!
//! Nothing here decides whether a test passes, except that each step has to work for the next to make sense: those
//! panic with all that the failed command wrote.

mod binary;
mod column;
mod command;
mod crontab;
mod dump;
mod fleet;
mod foreign;
mod graph;
mod large;
mod pair;
mod project;
mod proxy;
mod running;
mod server;
mod web;
mod workspace;

pub use binary::binary;
pub use column::Column;
pub use command::{Dunlin, Outcome};
pub use dump::{difference, dump, ledger};
pub use fleet::{DATABASES, Fleet, JOBS};
pub use foreign::Foreign;
pub use graph::{Graph, Node};
pub use large::{Peaks, Rows, peaks, write_large};
pub use pair::Pair;
pub use project::Project;
pub use proxy::{Blow, Fault, Moment, Proxy};
pub use running::{Running, wait_until};
pub use server::{Scratch, Server, Sql, home};
pub use web::Web;
pub use workspace::{Workspace, repository};
