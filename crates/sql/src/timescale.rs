//! TimescaleDB's own statements: continuous aggregates, policies and hypertables, and what those promise that do nothing
//! where something is there already.
//!
//! Expressions are handed on as they are written, and only where they are plain literals: whatever else stands there is not
//! known before it runs.

use std::ops::Range;

use squawk_lexer::TokenKind;

use crate::analysis::{Analysis, ObjectAction};
use crate::call::{Argument, Call};
use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};

/// A continuous aggregate that a statement creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateBuild {
    /// Its name.
    pub name: QualifiedName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Whether it is filled at once, which cannot be in a transaction.
    pub with_data: bool,
    /// The list of its columns with parentheses; empty without one.
    pub columns: Range<usize>,
    /// Its query.
    pub query: Range<usize>,
}

/// A table that a statement makes a hypertable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hypertable {
    /// Its name.
    pub name: QualifiedName,
    /// Its time column, where a string names it.
    pub time: Option<String>,
}

impl Analysis {
    /// The hypertables that the statement makes.
    pub fn hypertables(&self) -> impl Iterator<Item = Hypertable> {
        self.calls.iter().filter_map(|call| {
            let time = promise(call).and_then(|promise| match promise {
                Promise::Hypertable { column, .. } => column,
                Promise::Policy { .. } => None,
            });
            Some(Hypertable { name: call.hypertable()?, time })
        })
    }

    /// The tables for which the statement switches compression on.
    pub fn compresses(&self) -> impl Iterator<Item = QualifiedName> {
        self.compression().filter(|(_, is_on)| *is_on).map(|(name, _)| name)
    }

    /// The tables for which the statement switches compression on, or off.
    pub fn compression(&self) -> impl Iterator<Item = (QualifiedName, bool)> {
        let switch =
            self.timescale_options.iter().find(|it| matches!(it.name.as_str(), "compress" | "enable_columnstore"));
        let is_on = switch.map(|it| !it.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("false")));
        let altered = self.objects.iter().filter(|object| object.action == ObjectAction::Alter);
        altered.filter_map(move |object| Some((object.name.clone(), is_on?)))
    }
}

/// What is to be so once a statement has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// A policy.
    Policy {
        /// What runs it.
        procedure: &'static str,
        /// The hypertable or continuous aggregate, as a string of the statement says it.
        relation: String,
        /// Keys of its configuration, each with an expression.
        config: Vec<(&'static str, String)>,
        /// How often it runs, as an expression.
        schedule: Option<String>,
        /// The function that adds it, and the whole call.
        range: Range<usize>,
    },
    /// A hypertable.
    Hypertable {
        /// The table, as a string of the statement says it.
        relation: String,
        /// Its time column.
        column: Option<String>,
        /// The interval of its chunks, as an expression.
        interval: Option<String>,
        /// The whole call.
        range: Range<usize>,
    },
}

/// A function that adds a policy: its name, what runs the policy, and its parameters that end up in the configuration, each
/// with its place.
struct Adds {
    function: &'static str,
    procedure: &'static str,
    config: &'static [(&'static str, usize, &'static str)],
    schedule: Option<usize>,
    if_not_exists: usize,
}

/// A place that only names reach.
const BY_NAME: usize = usize::MAX;

const POLICIES: [Adds; 5] = [
    Adds {
        function: "add_retention_policy",
        procedure: "policy_retention",
        config: &[("drop_after", 1, "drop_after")],
        schedule: Some(3),
        if_not_exists: 2,
    },
    Adds {
        function: "add_compression_policy",
        procedure: "policy_compression",
        config: &[("compress_after", 1, "compress_after")],
        schedule: Some(3),
        if_not_exists: 2,
    },
    Adds {
        function: "add_columnstore_policy",
        procedure: "policy_compression",
        config: &[("after", 1, "compress_after")],
        schedule: Some(3),
        if_not_exists: 2,
    },
    Adds {
        function: "add_continuous_aggregate_policy",
        procedure: "policy_refresh_continuous_aggregate",
        config: &[("start_offset", 1, "start_offset"), ("end_offset", 2, "end_offset")],
        schedule: Some(3),
        if_not_exists: 4,
    },
    Adds {
        function: "add_reorder_policy",
        procedure: "policy_reorder",
        config: &[("index_name", 1, "index_name")],
        schedule: None,
        if_not_exists: 2,
    },
];

/// The parameters that name the relation, one in each of these functions.
const RELATION: [&str; 3] = ["relation", "hypertable", "continuous_aggregate"];

/// The continuous aggregate that the statement at `range` creates.
pub(crate) fn aggregate(text: &str, range: &Range<usize>) -> Option<AggregateBuild> {
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let mut words = Words::new(&tokens);
    if !words.eat("create materialized view") {
        return None;
    }
    let if_not_exists = words.eat("if not exists");
    let name = words.name()?;
    let from = words.peek()?.range.start;
    let columns = match words.group() {
        Some(_) => from..words.peek()?.range.start,
        None => from..from,
    };
    let mut is_continuous = false;
    while !words.eat("as") {
        if words.eat("with")
            && let Some(mut options) = words.group()
        {
            while let Some(token) = options.advance() {
                let space = token.is("timescaledb") || token.is("tsdb");
                is_continuous |= space && options.eat_kind(TokenKind::Dot) && options.eat("continuous");
            }
            continue;
        }
        words.advance()?;
    }
    let start = words.peek().filter(|_| is_continuous)?.range.start;
    let ends = |tail: &str| {
        let at = tokens.len().checked_sub(tail.split(' ').count())?;
        Words::new(&tokens[at..]).eat(tail).then(|| tokens[at].range.start)
    };
    let without = ends("with no data");
    let end = without.or_else(|| ends("with data")).unwrap_or(range.end);
    Some(AggregateBuild { name, if_not_exists, with_data: without.is_none(), columns, query: start..end })
}

/// What the statement at `range` promises by these calls. Where a condition stands beside them, or a block around them, nobody
/// can tell.
pub(crate) fn promises(text: &str, range: &Range<usize>, calls: &[Call]) -> Vec<(Promise, bool)> {
    if calls.is_empty() {
        return Vec::new();
    }
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let words = Words::new(&tokens);
    let calls_it = tokens.first().is_some_and(|token| token.is("select") || token.is("call"));
    if !calls_it || words.contains("where") || words.contains("case") {
        return Vec::new();
    }
    calls.iter().filter_map(|call| Some((promise(call)?, is_lenient(call)))).collect()
}

/// What a call promises; none where it is no such call, or does not name its relation in a string.
fn promise(call: &Call) -> Option<Promise> {
    let relation = RELATION.iter().find_map(|name| call.argument(name, 0)).and_then(|it| it.string.clone())?;
    let range = call.range.clone();
    if call.name.name == "create_hypertable" {
        let dimension = call.argument("dimension", 1).filter(|it| it.string.is_none()).and_then(by_range);
        let (column, interval) = dimension.unwrap_or_else(|| {
            let column = call.argument("time_column_name", 1).and_then(|it| it.string.clone());
            (column, literal(call.argument("chunk_time_interval", 6)))
        });
        return Some(Promise::Hypertable { relation, column, interval, range });
    }
    if call.name.name == "set_chunk_time_interval" {
        let interval = literal(call.argument("chunk_time_interval", 1));
        return Some(Promise::Hypertable { relation, column: None, interval, range });
    }
    let adds = POLICIES.iter().find(|adds| adds.function == call.name.name)?;
    let config =
        adds.config.iter().filter_map(|(name, place, key)| Some((*key, literal(call.argument(name, *place))?)));
    let schedule = literal(call.argument("schedule_interval", adds.schedule.unwrap_or(BY_NAME)));
    Some(Promise::Policy { procedure: adds.procedure, relation, config: config.collect(), schedule, range })
}

/// Whether a call of these does nothing where something is there already.
fn is_lenient(call: &Call) -> bool {
    let place = POLICIES.iter().find(|adds| adds.function == call.name.name).map_or(BY_NAME, |adds| adds.if_not_exists);
    let says = call.argument("if_not_exists", place);
    says.is_some_and(|it| it.text.eq_ignore_ascii_case("true"))
}

/// Column and interval in `by_range('ts', INTERVAL '1 day')`.
fn by_range(argument: &Argument) -> Option<(Option<String>, Option<String>)> {
    let tokens: Vec<_> = Lexer::new(&argument.text).significant().collect();
    let mut words = Words::new(&tokens);
    words.name().filter(|name| name.name == "by_range")?;
    let mut arguments = words.group()?;
    let (column, _) = crate::lexer::string_value(arguments.advance()?)?;
    let rest = if arguments.eat_kind(TokenKind::Comma) {
        let from = arguments.peek()?.range.start;
        let text = argument.text[from..].trim_end().strip_suffix(')').unwrap_or_default();
        let text = text.rsplit("=>").next().unwrap_or_default().trim().to_owned();
        literal(Some(&Argument { name: None, string: None, text }))
    } else {
        None
    };
    Some((Some(column), rest))
}

/// The text of an argument that is a literal: numbers, strings and names of types.
fn literal(argument: Option<&Argument>) -> Option<String> {
    let text = &argument?.text;
    let types = ["interval", "bigint", "integer", "int", "smallint", "int8", "int4", "null"];
    let plain = Lexer::new(text).significant().all(|token| {
        let punctuation = matches!(token.kind, TokenKind::Minus | TokenKind::Colon);
        let is_type = types.iter().any(|name| token.is(name));
        punctuation || is_type || matches!(token.kind, TokenKind::Literal { .. })
    });
    (plain && !text.is_empty() && !text.contains('$')).then(|| text.clone())
}
