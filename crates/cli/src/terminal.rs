//! The only place that writes: data to stdout, words to stderr, colour where it is wanted.

use std::io::{IsTerminal, Write};

use dunlin_planner::Finding;

use crate::args::{Color, Global, LogFormat};

/// What is known of stdout and stderr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Columns of the terminal, or what fits everywhere.
    pub(crate) width: usize,
    /// Whether progress can be drawn.
    pub(crate) draws: bool,
    /// Whether a question can be asked.
    pub(crate) asks: bool,
    /// Whether progress is left out.
    pub(crate) quiet: bool,
    /// How much more is said.
    pub(crate) verbose: u8,
    /// Whether progress is written as JSON lines.
    pub(crate) json_log: bool,
}

impl Terminal {
    /// Looks at the terminal and settles colour for the whole process.
    pub(crate) fn of(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        // Progress bars and the question have a switch of their own, which knows NO_COLOR and CLICOLOR.
        if global.color != Color::Auto {
            dialoguer::console::set_colors_enabled_stderr(global.color == Color::Always);
        }
        let width = terminal_size::terminal_size_of(std::io::stdout()).map_or(100, |(width, _)| usize::from(width.0));
        let on_terminal = std::io::stderr().is_terminal();
        let json_log = global.log_format == LogFormat::Json;
        Self {
            width: width.clamp(60, 160),
            draws: on_terminal && !global.quiet && !json_log,
            asks: on_terminal && std::io::stdin().is_terminal(),
            quiet: global.quiet,
            verbose: global.verbose,
            json_log,
        }
    }

    /// Writes data; a reader that went away is no error of ours.
    pub(crate) fn data(&self, text: &str) {
        write_ending_in_newline(anstream::stdout().lock(), text);
    }

    /// Says something about the work, unless it is to be quiet.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            write_ending_in_newline(anstream::stderr().lock(), text);
        }
    }

    /// Gives the cursor back that a question has hidden.
    pub(crate) fn show_cursor(&self) {
        if self.asks {
            let _ = dialoguer::console::Term::stderr().show_cursor();
        }
    }

    /// Says what is wrong, also when it is to be quiet.
    pub(crate) fn findings(&self, findings: &[Finding]) {
        if !findings.is_empty() {
            write_ending_in_newline(anstream::stderr().lock(), &dunlin_render::findings(findings));
        }
    }
}

fn write_ending_in_newline(mut out: impl Write, text: &str) {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
}
