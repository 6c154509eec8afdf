//! What an adoption is about to change in a ledger, and what it changed.

use dunlin_planner::{Adoption, Belonging, How, LedgerId};

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain};
use crate::style::{BOLD, DIM, NAME, WARN, listed, paint};

/// Which database the ledger belonged to, and belongs to from now on.
#[must_use]
pub fn adoption(adoption: &Adoption, width: usize) -> String {
    let mut grid = Grid::new(2);
    let mut fact = |name: &str, text: String| grid.row([cell(DIM, name), plain(text)]);
    fact("was", belonging(&adoption.before));
    fact("is", belonging(&adoption.after));
    fact("ledger", format!("{}, {}", adoption.ledger, becomes(adoption.how)));
    if !adoption.lost.is_empty() {
        fact("lost", format!("{}, which the next `dunlin up` applies again", listed(&adoption.lost, 6)));
    }
    fact("reason", one_line(&adoption.reason));
    format!("{}\n{}", paint(NAME, &adoption.target), grid.render(width))
}

fn belonging(belonging: &Belonging) -> String {
    let identity = belonging.identity.as_ref();
    let identity =
        identity.map(|identity| format!("{}, timeline {}", one_line(&identity.to_string()), identity.timeline));
    let environment = belonging.environment.as_ref().map(|name| format!("; environment {name}")).unwrap_or_default();
    identity.unwrap_or_else(|| "a database whose server does not say who it is".to_owned()) + &environment
}

fn becomes(how: How) -> &'static str {
    match how {
        How::Fork => "which gets an identity of its own",
        How::AfterRestore => "which stays what others refer to",
    }
}

/// What was changed.
#[must_use]
pub fn adopted(adoption: &Adoption, ledger: &LedgerId) -> String {
    let said = match adoption.how {
        How::Fork => "goes its own way",
        How::AfterRestore => "is where its ledger belongs",
    };
    format!("{} {}: its ledger is {ledger}\n", paint(BOLD, &adoption.target), paint(WARN, said))
}
