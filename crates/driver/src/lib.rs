//! What a database driver is to Dunlin: an object-safe trait, its errors, and the URL type that cannot print a password.
//!
//! Drivers answer facts and do single acts; what follows from them is decided by the planner. What databases differ in is
//! declared data ([`Capabilities`](dunlin_planner::Capabilities)), so that one [`conformance`] suite holds for all.

mod bench;
pub mod conformance;
pub mod memory;
mod offered;
mod pausing;
mod session;
mod task;
mod url;

pub use bench::{Bench, Said, StepText};
pub use pausing::Jobs;
pub use session::{BatchClaim, Canceller, Claim, Driver, JobWord, NoticeSink, Paused, Session, UnderWay};
pub use task::{OpenPieces, StepTask};
pub use url::TargetUrl;
