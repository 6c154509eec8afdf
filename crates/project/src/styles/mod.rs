//! Naming styles: how a folder's file names say version, name, direction, kind and phase.
//!
//! One style is one file with a pure function over a path; `registry` lists them and finds the one that a set's files
//! follow. What is written inside a file counts only for `markers`, which tells styles that keep up and down in one file.

mod file_name;
mod flyway;
mod folders;
pub(crate) mod markers;
mod registry;
mod sqitch;
mod timestamp_phase;
mod timestamp_service;
mod up_down;

pub(crate) use file_name::{FileName, Named, Role};
pub use registry::NAMES;
pub(crate) use registry::{Style, detect, named};
