//! What is wrong, or worth knowing, with the place and the way out.

use std::borrow::Cow;

use serde::Serialize;

use crate::{MigrationId, Place};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Runs, but should be looked at.
    Warning,
    /// Nothing runs until it is mended.
    Error,
}

/// What kind of trouble an error is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The configuration, the files or the request are wrong (exit 2).
    Invalid,
    /// A migration stopped half way and needs a decision (exit 3).
    Dirty,
    /// Files and ledgers disagree about the past, or a database is not the one it was (exit 4).
    Drift,
    /// A server cannot be reached just now (exit 75).
    Blocked,
    /// A server refused (exit 1).
    Failed,
}

/// One message about the project, its files or its databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable name in kebab case, such as `dependency-missing`.
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// What kind of trouble it is.
    pub class: Class,
    /// One sentence in lower case without a full stop.
    pub message: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Other places that belong to it, each with what it shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<(String, Place)>,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The migration it speaks of; a plan drops findings on migrations that it does not touch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration: Option<MigrationId>,
}

impl Finding {
    /// An error of class [`Class::Invalid`].
    #[must_use]
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity: Severity::Error,
            class: Class::Invalid,
            message: message.into(),
            place: None,
            related: Vec::new(),
            hint: None,
            migration: None,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// A note.
    #[must_use]
    pub fn note(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// Sets the class.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// Sets the place.
    #[must_use]
    pub fn at(self, place: impl Into<Option<Place>>) -> Self {
        Self { place: place.into(), ..self }
    }

    /// Adds a further place.
    #[must_use]
    pub fn also(mut self, what: impl Into<String>, place: Place) -> Self {
        self.related.push((what.into(), place));
        self
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Names the migration.
    #[must_use]
    pub fn of(self, migration: &MigrationId) -> Self {
        Self { migration: Some(migration.clone()), ..self }
    }

    /// Whether it stops everything.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
