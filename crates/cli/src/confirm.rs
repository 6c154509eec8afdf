//! Asking before something is changed.

use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;

/// Asks `question`; goes on only after a yes. Where nobody can be asked, `hint` says how to do without.
pub(crate) fn confirm(question: &str, hint: &'static str, terminal: Terminal) -> Result<(), Stop> {
    if !terminal.asks {
        return Err(Stop::because("confirmation-needed", "there is no terminal to ask at", hint));
    }
    let yes = dialoguer::Confirm::new().with_prompt(question).default(false).interact().unwrap_or_else(|_| {
        // Whoever presses Ctrl-C says no.
        terminal.show_cursor();
        false
    });
    if !yes {
        terminal.say("nothing was changed");
        return Err(Stop::Said(Exit::Blocked));
    }
    Ok(())
}
