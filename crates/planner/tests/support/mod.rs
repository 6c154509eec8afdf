//! What the tests share: a small language for projects and their databases, a printer, and random ones.

mod crontab;
mod fixture;
mod print;
mod random;

pub(crate) use crontab::{Crontab, live, nightly, server};
pub(crate) use fixture::{Fixture, body, migration, statement};
pub(crate) use print::{listed, show};
pub(crate) use random::{Random, Shape, apply, observe};
