//! `dunlin`, the command. The only place for clap, environment variables, the terminal and exit codes.

mod args;
mod commands;
mod confirm;
mod drivers;
mod embedded;
mod exit;
mod interrupt;
mod live;
mod logging;
mod running;
mod terminal;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let global = cli.global.clone();
    let command = cli.into_command();
    let terminal = Terminal::of(&global);
    logging::start(&global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        terminal.say("error: the threads that Dunlin needs cannot be started");
        return Exit::Failed.into();
    };
    runtime.spawn(interrupt::listen(terminal));
    let exit = runtime.block_on(commands::dispatch(&global, &command, terminal)).unwrap_or_else(|stop| {
        match &stop {
            Stop::Findings(findings) if command.wants_json() => {
                terminal.data(&dunlin_render::findings_json(findings));
            }
            Stop::Findings(findings) => terminal.findings(findings),
            Stop::Said(_) => {}
        }
        stop.exit()
    });
    exit.into()
}
