//! A migration file's path inside its set, and what a style reads out of it.

use dunlin_planner::{Kind, Phase};

/// The path of an `.sql` file from its set's folder on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileName<'a> {
    /// The folders with slashes; empty at the top.
    pub(crate) folders: &'a str,
    /// The file's name without `.sql`.
    pub(crate) stem: &'a str,
}

impl<'a> FileName<'a> {
    /// Takes `path` apart; none when it is no `.sql` file.
    pub(crate) fn new(path: &'a str) -> Option<Self> {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let (stem, end) = file.split_at_checked(file.len().checked_sub(4)?)?;
        end.eq_ignore_ascii_case(".sql").then_some(Self { folders, stem })
    }

    /// The nearest folder that is one of `names`.
    pub(crate) fn folder_in(&self, names: &[&'static str]) -> Option<&'static str> {
        self.folders.rsplit('/').find_map(|folder| names.iter().find(|name| **name == folder).copied())
    }

    /// The stem without `.up` or `.down`, `_UP` or `_DOWN`, and which one it was.
    pub(crate) fn direction(&self) -> (&'a str, Option<Direction>) {
        for (word, direction) in [("up", Direction::Up), ("down", Direction::Down)] {
            let Some((rest, end)) =
                self.stem.len().checked_sub(word.len() + 1).and_then(|at| self.stem.split_at_checked(at))
            else {
                continue;
            };
            if end.starts_with(['.', '_']) && end[1..].eq_ignore_ascii_case(word) {
                return (rest, Some(direction));
            }
        }
        (self.stem, None)
    }
}

/// What a suffix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// What a style makes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// The version, as it becomes part of the migration's id.
    pub(crate) version: String,
    /// The description.
    pub(crate) name: &'a str,
    /// What the file is to its migration.
    pub(crate) role: Role,
    /// Whether this name shows what is particular to the style.
    pub(crate) evident: bool,
}

/// What a file is to its migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What it runs.
    Up { kind: Kind, phase: Option<Phase> },
    /// What takes it back.
    Down,
    /// Something that is known and not supported, in words.
    Later(&'static str),
}

impl Role {
    /// A versioned migration without phase.
    pub(crate) const VERSIONED: Self = Self::Up { kind: Kind::Versioned, phase: None };
}

/// Splits `digits_rest` after the digits; both parts have something in them.
pub(crate) fn number(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let rest = text[digits..].strip_prefix(['_', '-'])?;
    (digits > 0 && !rest.is_empty()).then_some((&text[..digits], rest))
}

/// Splits `date_counter_rest`, a day and a number on that day, into version and rest.
pub(crate) fn day_and_number(text: &str) -> Option<(&str, &str)> {
    let (date, rest) = number(text)?;
    let (counter, rest) = number(rest)?;
    let fits = date.len() == 8 && (3..=6).contains(&counter.len());
    fits.then(|| (&text[..date.len() + 1 + counter.len()], rest))
}
