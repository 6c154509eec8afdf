//! `dunlin`, the command. The only place for clap, environment variables, the terminal and exit codes.

mod args;
mod commands;
mod drivers;
mod embedded;
mod exit;
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
    let terminal = Terminal::of(&cli.global);
    logging::start(&cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        terminal.say("error: the threads that Dunlin needs cannot be started");
        return Exit::Failed.into();
    };
    let exit = runtime.block_on(commands::dispatch(cli, terminal)).unwrap_or_else(|stop| {
        if let Stop::Findings(findings) = &stop {
            terminal.findings(findings);
        }
        stop.exit()
    });
    exit.into()
}
