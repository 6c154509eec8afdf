//! SIGINT and SIGTERM: a run is asked to stop and says what it did; before one there is nothing to wait for.

use std::process;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::terminal::Terminal;

/// How the run of this process is asked to stop, once it has begun.
static RUN: OnceLock<CancellationToken> = OnceLock::new();

/// From here on signals stop the run.
pub(crate) fn run_begins() -> CancellationToken {
    RUN.get_or_init(CancellationToken::new).clone()
}

/// Waits for signals, as long as the process lives.
pub(crate) async fn listen(terminal: Terminal) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let Some(run) = RUN.get() else {
            // The question may not get to it.
            terminal.show_cursor();
            terminal.say("interrupted before anything was changed");
            process::exit(Exit::Blocked as i32);
        };
        run.cancel();
    }
}
