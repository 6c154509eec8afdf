//! `dunlin capabilities`: what each kind of database can do, as a table for the documentation.

use dunlin_planner::TargetKind;

use crate::drivers::offers;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Prints the table in Markdown.
pub(crate) fn run(terminal: Terminal) -> Exit {
    terminal.data(&dunlin_render::capabilities(&TargetKind::ALL.map(|kind| (kind, offers(kind)))));
    Exit::Done
}
