//! Typed access to a tree that was checked.
//!
//! A value of the wrong type reads as absent, because [`check`](super::check) has already reported it. A view has layers:
//! what a set does not say is looked up at its service.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::StepSettings;

use crate::tree::{Entry, Node, Span, Table, Value};
use crate::words;

/// One section, perhaps with another one behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    table: Option<&'a Table>,
    behind: Option<&'a Table>,
}

impl<'a> View<'a> {
    pub(crate) fn new(table: &'a Table) -> Self {
        Self { table: Some(table), behind: None }
    }

    /// This section, with `behind` for what it does not say.
    pub(crate) fn over(self, behind: Self) -> Self {
        Self { behind: behind.table, ..self }
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        let get = |table: Option<&'a Table>| table.and_then(|table| table.0.get(key));
        get(self.table).or_else(|| get(self.behind))
    }

    pub(crate) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Where the key is written.
    pub(crate) fn key(&self, key: &str) -> Option<&'a Span> {
        self.entry(key).map(|entry| &entry.key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        match &self.node(key)?.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.node(key)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, key: &str) -> Option<Duration> {
        self.text(key).and_then(|text| words::duration(text).ok())
    }

    /// A list of texts, each with its place.
    pub(crate) fn texts(&self, key: &str) -> Vec<(&'a str, &'a Span)> {
        let Some(Value::List(list)) = self.node(key).map(|node| &node.value) else { return Vec::new() };
        let text = |node: &'a Node| match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some((text.as_str(), &node.span)),
            _ => None,
        };
        list.iter().filter_map(text).collect()
    }

    pub(crate) fn section(&self, key: &str) -> Self {
        let table = match self.node(key).map(|node| &node.value) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        };
        Self { table, behind: None }
    }

    /// The named sections under a key, each with the place of its name.
    pub(crate) fn sections(&self, key: &str) -> Vec<(&'a str, &'a Span, View<'a>)> {
        let Some(Value::Table(table)) = self.node(key).map(|node| &node.value) else { return Vec::new() };
        let section = |(name, entry): (&'a String, &'a Entry)| match &entry.node.value {
            Value::Table(table) => Some((name.as_str(), &entry.key, View::new(table))),
            _ => None,
        };
        table.0.iter().filter_map(section).collect()
    }

    /// Names and values under a key, all as text.
    pub(crate) fn scalars(&self, key: &str) -> BTreeMap<String, String> {
        self.table.map(|table| scalars(table, key)).unwrap_or_default()
    }

    /// What surrounds migration bodies, with `base` for what is not said here.
    pub(crate) fn step_settings(&self, base: &StepSettings) -> StepSettings {
        let text = |key, base: &Option<String>| self.text(key).map(str::to_owned).or_else(|| base.clone());
        let mut settings = base.settings.clone();
        for table in [self.behind, self.table].into_iter().flatten() {
            settings.extend(scalars(table, "settings"));
        }
        StepSettings {
            isolation: base.isolation.clone(),
            lock_timeout: self.duration("lock_timeout").or(base.lock_timeout),
            timeout: self.duration("timeout").or(base.timeout),
            role: text("role", &base.role),
            search_path: text("search_path", &base.search_path),
            settings,
        }
    }
}

fn scalars(table: &Table, key: &str) -> BTreeMap<String, String> {
    let Some(Value::Table(table)) = table.0.get(key).map(|entry| &entry.node.value) else { return BTreeMap::new() };
    let scalar = |(name, entry): (&String, &Entry)| {
        let value = match &entry.node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            _ => return None,
        };
        Some((name.clone(), value))
    };
    table.0.iter().filter_map(scalar).collect()
}
