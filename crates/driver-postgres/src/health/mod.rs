//! What `dunlin doctor` asks a server: catalogs and views that anybody may read, in one transaction that only reads, with a few
//! seconds for each. What the role may not see is told as not known.

mod activity;
mod asking;
mod examine;
mod line;
mod load;
mod role;
mod server;

pub(crate) use examine::{Lines, examine, examine_absent};
