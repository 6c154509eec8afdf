//! One file per command.

mod adopt;
mod capabilities;
mod completions;
mod dev;
mod dispatch;
mod doctor;
mod down;
mod explain;
mod graph;
mod history;
mod init;
mod new;
mod plan;
mod repair;
mod status;
mod up;
mod validate;
mod verify;

pub(crate) use dispatch::dispatch;
