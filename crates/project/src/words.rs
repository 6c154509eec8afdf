//! Small things that messages are made of.

use std::time::Duration;

/// The nearest of `known`, if it is near enough to be what was meant.
pub(crate) fn closest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

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

/// A duration in PostgreSQL's spelling, as the files of a project have it.
///
/// # Errors
/// [`NotADuration`], also for a number without unit: what it would mean depends on the setting.
pub fn duration(text: &str) -> Result<Duration, NotADuration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| NotADuration)?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs).ok_or(NotADuration);
    match text[digits..].trim() {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "min" => seconds(60),
        "h" => seconds(3_600),
        "d" => seconds(86_400),
        "" if number == 0 => Ok(Duration::ZERO),
        _ => Err(NotADuration),
    }
}
