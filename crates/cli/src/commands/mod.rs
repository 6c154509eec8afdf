//! One file per command.

mod adopt;
mod capabilities;
mod completions;
mod cron;
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
mod verification;
mod verify;

pub(crate) use dispatch::dispatch;
