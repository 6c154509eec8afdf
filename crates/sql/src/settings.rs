//! What options of TimescaleDB, in WITH and SET lists, say of the table or continuous aggregate that a statement creates or
//! alters: whether it is a hypertable, how it is compressed, what an aggregate shows.
//!
//! Values are brought to one form, so that it does not matter how they are written; one that a variable gives is not known.

use std::collections::BTreeMap;

use squawk_lexer::TokenKind;

use crate::analysis::{Analysis, ObjectAction, ObjectKind, TimescaleOption};
use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};

/// What a statement says of a table or continuous aggregate by options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: QualifiedName,
    /// Whether the statement creates it.
    pub is_new: bool,
    /// What is set, each with its value; none where that is not known.
    pub values: BTreeMap<Setting, Option<String>>,
}

/// Something that options set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// The table is a hypertable: `true` or `false`.
    Hypertable,
    /// Its time column.
    TimeColumn,
    /// The interval of its chunks, as an expression.
    ChunkInterval,
    /// It is compressed: `true` or `false`.
    Compression,
    /// The columns that tell the segments of compressed chunks apart: `a, b`.
    SegmentBy,
    /// The order of rows in them: `a, b DESC, c NULLS FIRST`, without what goes without saying.
    OrderBy,
    /// The interval that compressed chunks are merged into, as an expression.
    CompressedInterval,
    /// The continuous aggregate shows only what is materialized: `true` or `false`.
    MaterializedOnly,
}

impl Settings {
    /// What the statement sets, if it says so, and what to: none where that is not known.
    #[must_use]
    pub fn says(&self, setting: Setting) -> Option<Option<&str>> {
        self.values.get(&setting).map(Option::as_deref)
    }

    /// Whether the statement makes the table a hypertable.
    #[must_use]
    pub fn makes_hypertable(&self) -> bool {
        self.is_new && self.says(Setting::Hypertable).is_some_and(|value| value != Some("false"))
    }

    /// Whether the statement switches compression on, or off; none where it says nothing of compression. To set anything of it
    /// switches it on.
    #[must_use]
    pub fn compresses(&self) -> Option<bool> {
        let details = [Setting::SegmentBy, Setting::OrderBy, Setting::CompressedInterval];
        let is_off = self.says(Setting::Compression).map(|value| value == Some("false"));
        let is_detailed = details.iter().any(|setting| self.values.contains_key(setting));
        is_off.map(|is_off| !is_off).or_else(|| is_detailed.then_some(true))
    }
}

/// What the statement that `analysis` is of says in `text`.
pub(crate) fn settings(text: &str, analysis: &Analysis) -> Option<Settings> {
    let mut values = BTreeMap::new();
    for option in &analysis.timescale_options {
        if let Some(setting) = setting(&option.name) {
            values.insert(setting, value(setting, text, option));
        }
    }
    if values.is_empty() {
        return None;
    }
    let about = |action: ObjectAction| {
        let relation = |kind| !matches!(kind, ObjectKind::Index | ObjectKind::Schema | ObjectKind::Role);
        analysis.objects.iter().find(|object| object.action == action && relation(object.kind))
    };
    let created = analysis.aggregate.as_ref().map(|build| &build.name);
    let created = created.or_else(|| about(ObjectAction::Create).map(|object| &object.name));
    let is_new = created.is_some();
    let name = created.or_else(|| about(ObjectAction::Alter).map(|object| &object.name))?.clone();
    Some(Settings { name, is_new, values })
}

/// Every name that an option has had.
fn setting(name: &str) -> Option<Setting> {
    Some(match name {
        "hypertable" => Setting::Hypertable,
        "partition_column" | "partitioning_column" => Setting::TimeColumn,
        "chunk_interval" => Setting::ChunkInterval,
        "compress" | "columnstore" | "enable_columnstore" => Setting::Compression,
        "compress_segmentby" | "segmentby" | "segment_by" => Setting::SegmentBy,
        "compress_orderby" | "orderby" | "order_by" => Setting::OrderBy,
        "compress_chunk_time_interval" | "compress_chunk_interval" => Setting::CompressedInterval,
        "materialized_only" => Setting::MaterializedOnly,
        _ => return None,
    })
}

fn value(setting: Setting, text: &str, option: &TimescaleOption) -> Option<String> {
    let written = &text[option.range.clone()];
    let behind = written.split_once('=').map(|(_, behind)| behind.trim());
    let is_variable = behind.is_some_and(|behind| behind.starts_with(':') || behind.contains('$'));
    let value = option.value.as_deref().filter(|_| !is_variable);
    match setting {
        Setting::Hypertable | Setting::Compression | Setting::MaterializedOnly if behind.is_none() => {
            Some(true.to_string())
        }
        Setting::Hypertable | Setting::Compression | Setting::MaterializedOnly => switch(value?),
        Setting::SegmentBy => columns(value?),
        Setting::OrderBy => order(value?),
        Setting::TimeColumn => value.map(str::to_owned),
        Setting::ChunkInterval | Setting::CompressedInterval => {
            value.map(|value| format!("'{}'", value.replace('\'', "''")))
        }
    }
}

/// A truth value, as PostgreSQL reads it.
fn switch(value: &str) -> Option<String> {
    let value = value.to_ascii_lowercase();
    let is = |words: &[&str]| words.contains(&value.as_str());
    let truth = if is(&["true", "on", "yes", "t", "y", "1"]) {
        true
    } else if is(&["false", "off", "no", "f", "n", "0"]) {
        false
    } else {
        return None;
    };
    Some(truth.to_string())
}

/// Columns between commas.
fn columns(list: &str) -> Option<String> {
    items(list, |words| Some(words.name()?.name))
}

/// Columns between commas, each with its direction and the place of nulls.
fn order(list: &str) -> Option<String> {
    items(list, |words| {
        let mut item = words.name()?.name;
        let descending = words.eat("desc");
        if descending {
            item.push_str(" DESC");
        } else {
            words.eat("asc");
        }
        let nulls_first = if words.eat("nulls first") { true } else { descending && !words.eat("nulls last") };
        if nulls_first != descending {
            item.push_str(if nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
        } else if !nulls_first {
            words.eat("nulls last");
        }
        Some(item)
    })
}

fn items(list: &str, item: impl Fn(&mut Words<'_, '_>) -> Option<String>) -> Option<String> {
    let tokens: Vec<_> = Lexer::new(list).significant().collect();
    let mut words = Words::new(&tokens);
    let mut items = Vec::new();
    while !words.is_empty() {
        items.push(item(&mut words)?);
        if !words.eat_kind(TokenKind::Comma) && !words.is_empty() {
            return None;
        }
    }
    Some(items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_one_form() {
        for (list, expected) in [
            ("", Some("")),
            ("sensor", Some("sensor")),
            (" Sensor ,\"Site Id\"", Some("sensor, Site Id")),
            ("lower(a)", None),
            ("a b", None),
        ] {
            assert_eq!(columns(list).as_deref(), expected, "{list}");
        }
        for (list, expected) in [
            ("ts DESC, sensor", Some("ts DESC, sensor")),
            ("ts desc nulls first, sensor ASC NULLS LAST", Some("ts DESC, sensor")),
            ("ts DESC NULLS LAST,\"A\" nulls first", Some("ts DESC NULLS LAST, A NULLS FIRST")),
            ("ts using <", None),
        ] {
            assert_eq!(order(list).as_deref(), expected, "{list}");
        }
    }
}
