//! `dunlin.toml` and an environment file, from text to meaning.
//!
//! [`files`] finds and reads them into one tree, [`check`] compares the tree with the table of keys, and after that
//! [`view`] hands out values of known types to the parts that give them meaning.

pub(crate) mod check;
pub(crate) mod files;
pub(crate) mod policy;
mod reach;
pub(crate) mod services;
pub(crate) mod targets;
pub(crate) mod view;
