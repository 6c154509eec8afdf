//! The settings of a connection as texts, and the layers that they come from.
//!
//! What the target says itself comes first, then its service, then `PG*` variables. Variables that say which server is
//! meant count only where the caller allows it: in a project with several databases, a `PGDATABASE` must not become the
//! database of every URL that names none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::conninfo::ConninfoError;
use crate::keys::KEYS;
use crate::service;

/// What surrounds this process, handed in by whoever may look at it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Looks up a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The name of the system's user.
    pub user: Option<&'a str>,
    /// Whether variables such as `PGHOST` and `PGUSER`, which name one server, are meant for this target.
    pub names_server: bool,
}

impl Surroundings<'_> {
    /// No surroundings: nothing counts but what a connection string says.
    pub const NONE: Self = Self { variable: &|_| None, user: None, names_server: false };

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// A file in the home directory.
    pub(crate) fn home(&self, file: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.variable("HOME")?).join(file))
    }
}

/// Values by key. It has no debug output, as a password is among them.
#[derive(Clone, Default)]
pub(crate) struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    pub(crate) fn set(&mut self, key: &'static str, value: String) {
        self.0.insert(key, value);
    }

    /// Sets what is not set; an empty value counts as set, which is how a lower layer is shut out.
    pub(crate) fn set_default(&mut self, key: &'static str, value: String) {
        self.0.entry(key).or_insert(value);
    }

    /// The value, where it is not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&&'static str, &String)> {
        self.0.iter()
    }

    /// Lays service and variables beneath what was said.
    pub(crate) fn layered(mut self, around: &Surroundings<'_>) -> Result<Self, ConninfoError> {
        let named = self.0.get("service").cloned();
        let service = named.or_else(|| around.variable("PGSERVICE").filter(|_| around.names_server));
        if let Some(name) = service.filter(|name| !name.is_empty()) {
            for (key, value) in service::find(&name, around)? {
                self.set_default(key, value);
            }
        }
        for key in KEYS.iter().filter(|key| !key.variable.is_empty() && (around.names_server || !key.names_server)) {
            if let Some(value) = around.variable(key.variable) {
                self.set_default(key.name, value);
            }
        }
        Ok(self)
    }
}
