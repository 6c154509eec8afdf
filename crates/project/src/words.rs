//! Small things that messages are made of.

use std::time::Duration;

/// `a, b or c`, each in backticks.
pub(crate) fn choice<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut names: Vec<_> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} or {last}", names.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// `text` with everything escaped that could move the cursor or hide something; quotes stay.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// The text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number and a unit: `500ms`, `2s`, `15min`, `1h`, `1d`")]
pub struct NotADuration;

/// A duration in PostgreSQL's spelling, as the files of a project have it; zero needs no unit.
///
/// # Errors
/// [`NotADuration`], also for a number without unit: what it would mean depends on the setting.
pub fn duration(text: &str) -> Result<Duration, NotADuration> {
    let digits = text.trim_end();
    let is_zero = !digits.is_empty() && digits.bytes().all(|digit| digit == b'0');
    if is_zero { Ok(Duration::ZERO) } else { dunlin_sql::duration(text).ok_or(NotADuration) }
}
