//! From the words of the command line to the command.

use super::{
    adopt, capabilities, completions, cron, dev, doctor, down, explain, graph, history, init, new, plan, repair,
    status, up, validate, verification,
};
use crate::args::{Command, Global};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;

/// Runs `command`.
pub(crate) async fn dispatch(global: &Global, command: &Command, terminal: Terminal) -> Result<Exit, Stop> {
    match command {
        Command::Init(args) => init::run(args, terminal),
        Command::New(args) => new::run(global, args, terminal),
        Command::Plan(args) => plan::run(global, args, terminal).await,
        Command::Up(args) => up::run(global, args, terminal).await,
        Command::Down(args) => down::run(global, args, terminal).await,
        Command::Status(args) => status::run(global, args, terminal).await,
        Command::Validate(args) => validate::run(global, args, terminal),
        Command::Graph(args) => graph::run(global, args, terminal),
        Command::Explain(args) => explain::run(global, args, terminal).await,
        Command::Adopt(args) => adopt::run(global, args, terminal).await,
        Command::Repair(args) => repair::run(global, args, terminal).await,
        Command::History(args) => history::run(global, args, terminal).await,
        Command::Doctor(args) => doctor::run(global, args, terminal).await,
        Command::Cron(args) => cron::run(global, args, terminal).await,
        Command::Verify(args) => verification::run(global, args, terminal).await,
        Command::Dev(args) => dev::run(global, args, terminal).await,
        Command::Capabilities => Ok(capabilities::run(terminal)),
        Command::Completions(args) => Ok(completions::run(args)),
    }
}
