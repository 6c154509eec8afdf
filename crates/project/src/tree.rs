//! A configuration file as a tree that remembers, for every key and value, which file says it and where.
//!
//! An environment's tree is laid over the base's: tables key by key, everything else replaced. Because places survive that,
//! a message about a value points at the file that a person has to edit.

use std::ops::Range;
use std::sync::Arc;

use dunlin_planner::{Finding, Place};
use indexmap::IndexMap;
use toml::de::{DeTable, DeValue};

use crate::source::{Content, Source};

/// A range of bytes in a file.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    source: Arc<Source>,
    range: Range<usize>,
}

impl Span {
    pub(crate) fn place(&self) -> Place {
        self.source.place(&self.range)
    }

    /// Whether an environment's file says it.
    pub(crate) fn is_environment(&self) -> bool {
        self.source.content == Content::Environment
    }
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

/// What TOML can say, as far as the configuration uses it.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
    /// A float, a date or a number too large, which no key takes.
    Other,
}

impl Value {
    /// The type, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other => "a number or date of this form",
        }
    }
}

/// A key's own place and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Span,
    pub(crate) node: Node,
}

/// A table in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(pub(crate) IndexMap<String, Entry>);

impl Table {
    /// Reads a file; every syntax error is a finding.
    pub(crate) fn parse(source: &Arc<Source>) -> Result<Self, Vec<Finding>> {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if errors.is_empty() {
            return Ok(Self::from_toml(table.get_ref(), source));
        }
        let finding = |error: &toml::de::Error| {
            let place = source.place(&error.span().unwrap_or(0..0));
            Finding::error("config-syntax", format!("`{}` is not valid TOML: {}", source.path, error.message()))
                .at(place)
        };
        Err(errors.iter().map(finding).collect())
    }

    fn from_toml(table: &DeTable<'_>, source: &Arc<Source>) -> Self {
        let span = |range: Range<usize>| Span { source: source.clone(), range };
        let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            let node = Node::from_toml(value, source);
            (name.clone().into_owned(), Entry { key: span(key.span()), node })
        };
        Self(table.iter().map(entry).collect())
    }

    /// Lays `over` over this table: tables are merged key by key, other values replaced.
    pub(crate) fn lay_over(&mut self, over: Self) {
        for (name, entry) in over.0 {
            match (self.0.get_mut(&name).map(|entry| &mut entry.node.value), entry.node.value) {
                (Some(Value::Table(base)), Value::Table(over)) => base.lay_over(over),
                (_, value) => {
                    self.0.insert(name, Entry { node: Node { value, ..entry.node }, ..entry });
                }
            }
        }
    }
}

impl Node {
    fn from_toml(node: &toml::Spanned<DeValue<'_>>, source: &Arc<Source>) -> Self {
        let value = match node.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Integer)
            }
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Array(list) => Value::List(list.iter().map(|node| Self::from_toml(node, source)).collect()),
            DeValue::Table(table) => Value::Table(Table::from_toml(table, source)),
            DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
        };
        Self { value, span: Span { source: source.clone(), range: node.span() } }
    }
}
