//! TimescaleDB's own statements: continuous aggregates, policies and hypertables, and what those promise that do nothing
//! where something is there already.
//!
//! Expressions are handed on as they are written, and only where they are plain literals: whatever else stands there is not
//! known before it runs.

use std::ops::Range;

use squawk_lexer::TokenKind;

use crate::analysis::Analysis;
use crate::call::{Argument, Call};
use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};
use crate::settings::Setting;

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
        let called = self.calls.iter().filter_map(|call| {
            let time = promises(call, &self.calls).into_iter().find_map(|promise| match promise {
                Promise::Hypertable { column, .. } => column,
                Promise::Policy { .. } | Promise::Dimension { .. } => None,
            });
            Some(Hypertable { name: call.hypertable()?, time })
        });
        let created = self.settings.iter().filter(|settings| settings.makes_hypertable());
        called.chain(created.map(|settings| {
            let time = settings.says(Setting::TimeColumn).flatten().map(str::to_owned);
            Hypertable { name: settings.name.clone(), time }
        }))
    }

    /// Keeps `compressed`, the tables and continuous aggregates that have compression, as they are behind the statement.
    pub fn follow_compression(&self, compressed: &mut Vec<QualifiedName>) {
        let Some((settings, is_on)) = self.settings.as_ref().and_then(|it| Some((it, it.compresses()?))) else {
            return;
        };
        compressed.retain(|known| !known.may_be(&settings.name));
        compressed.extend(is_on.then(|| settings.name.clone()));
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
    },
    /// A hypertable.
    Hypertable {
        /// The table, as a string of the statement says it.
        relation: String,
        /// Its time column.
        column: Option<String>,
        /// The interval of its chunks, as an expression.
        interval: Option<String>,
    },
    /// A further dimension of a hypertable.
    Dimension {
        /// The table, as a string of the statement says it.
        relation: String,
        /// The column that it goes by.
        column: String,
        /// How it goes by it.
        by: Slicing,
    },
}

/// How a dimension cuts rows into chunks, as far as literals say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slicing {
    /// By a hash into so many partitions.
    Hash(Option<String>),
    /// Into ranges of this length, as an expression.
    Range(Option<String>),
}

/// A change to how a hypertable's new chunks are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reslicing {
    /// The table, as a string of the statement says it; none where that is not known.
    pub relation: Option<String>,
    /// The column of the dimension, where the statement names one.
    pub column: Option<String>,
    /// How it is cut from then on.
    pub by: Slicing,
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

/// What the statement at `range` promises by these calls, and how it cuts hypertables otherwise. Where a condition stands beside
/// them, or a block around them, nobody can tell.
pub(crate) fn said(text: &str, range: &Range<usize>, calls: &[Call]) -> (Vec<(Promise, bool)>, Vec<Reslicing>) {
    if calls.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let words = Words::new(&tokens);
    let calls_it = tokens.first().is_some_and(|token| token.is("select") || token.is("call"));
    let is_plain = calls_it && !words.contains("where") && !words.contains("case");
    let reslicings = calls.iter().filter_map(|call| reslicing(call, is_plain)).collect();
    let promised = calls.iter().filter(|_| is_plain).flat_map(|call| {
        let lenient = is_lenient(call);
        promises(call, calls).into_iter().map(move |promise| (promise, lenient))
    });
    (promised.collect(), reslicings)
}

/// What a call among `all` promises; nothing where it is no such call, or does not name its relation in a string.
fn promises(call: &Call, all: &[Call]) -> Vec<Promise> {
    let relation = RELATION.iter().find_map(|name| call.argument(name, 0)).and_then(|it| it.string.clone());
    let Some(relation) = relation else { return Vec::new() };
    match call.name.name.as_str() {
        "create_hypertable" => hypertable(call, all, relation),
        "add_dimension" => added(call, all, relation).into_iter().collect(),
        _ => policy(call, relation).into_iter().collect(),
    }
}

fn policy(call: &Call, relation: String) -> Option<Promise> {
    let adds = POLICIES.iter().find(|adds| adds.function == call.name.name)?;
    let config =
        adds.config.iter().filter_map(|(name, place, key)| Some((*key, literal(call.argument(name, *place))?)));
    let schedule = literal(call.argument("schedule_interval", adds.schedule.unwrap_or(BY_NAME)));
    Some(Promise::Policy { procedure: adds.procedure, relation, config: config.collect(), schedule })
}

/// A hypertable, and its second dimension where the call gives it one.
fn hypertable(call: &Call, all: &[Call], relation: String) -> Vec<Promise> {
    if let Some(dimension) = dimension_info(call, all) {
        let (column, interval) = match dimension {
            Some((column, Slicing::Range(interval))) => (Some(column), interval),
            _ => (None, None),
        };
        return vec![Promise::Hypertable { relation, column, interval }];
    }
    let string = |name, place| call.argument(name, place).and_then(|it| it.string.clone());
    let interval = literal(call.argument("chunk_time_interval", 6));
    let space = string("partitioning_column", 2).map(|column| Promise::Dimension {
        relation: relation.clone(),
        column,
        by: Slicing::Hash(literal(call.argument("number_partitions", 3))),
    });
    let column = string("time_column_name", 1);
    [Promise::Hypertable { relation, column, interval }].into_iter().chain(space).collect()
}

fn added(call: &Call, all: &[Call], relation: String) -> Option<Promise> {
    if let Some(dimension) = dimension_info(call, all) {
        let (column, by) = dimension?;
        return Some(Promise::Dimension { relation, column, by });
    }
    let column = call.argument("column_name", 1).and_then(|it| it.string.clone())?;
    let given = |name, place| call.argument(name, place).filter(|it| !it.text.eq_ignore_ascii_case("null"));
    let by = match (given("number_partitions", 2), given("chunk_time_interval", 3)) {
        (number @ Some(_), None) => Slicing::Hash(literal(number)),
        (None, interval @ Some(_)) => Slicing::Range(literal(interval)),
        _ => return None,
    };
    Some(Promise::Dimension { relation, column, by })
}

/// The column and the slicing that `by_range` or `by_hash` stands for in a call; none of it where something else stands there,
/// and none at all where the call names a column instead.
fn dimension_info(call: &Call, all: &[Call]) -> Option<Option<(String, Slicing)>> {
    call.argument("dimension", 1).filter(|it| it.string.is_none())?;
    let within = |inner: &&Call| {
        let is_inside = call.range.start < inner.range.start && inner.range.end <= call.range.end;
        is_inside && matches!(inner.name.name.as_str(), "by_range" | "by_hash")
    };
    Some(all.iter().find(within).and_then(|inner| {
        let column = inner.argument("column_name", 0)?.string.clone()?;
        let by = match inner.name.name.as_str() {
            "by_hash" => Slicing::Hash(literal(inner.argument("number_partitions", 1))),
            _ => Slicing::Range(literal(inner.argument("partition_interval", 1))),
        };
        Some((column, by))
    }))
}

/// How a call changes what is there; what it says only counts where nothing stands around it.
fn reslicing(call: &Call, is_plain: bool) -> Option<Reslicing> {
    let value = |name| literal(call.argument(name, 1)).filter(|_| is_plain);
    let by = match call.name.name.as_str() {
        "set_chunk_time_interval" => Slicing::Range(value("chunk_time_interval")),
        "set_partitioning_interval" => Slicing::Range(value("partition_interval")),
        "set_number_partitions" => Slicing::Hash(value("number_partitions")),
        _ => return None,
    };
    let relation = call.argument("hypertable", 0).and_then(|it| it.string.clone());
    let column = call.argument("dimension_name", 2).and_then(|it| it.string.clone());
    Some(Reslicing { relation, column, by })
}

/// Whether a call of `create_hypertable` moves the rows that are there.
pub(crate) fn migrates_data(call: &Call) -> bool {
    let place = if call.argument("dimension", 1).is_some_and(|it| it.string.is_none()) { 4 } else { 10 };
    call.argument("migrate_data", place).is_some_and(|it| !it.text.eq_ignore_ascii_case("false"))
}

/// Whether a call of these does nothing where something is there already.
fn is_lenient(call: &Call) -> bool {
    let has_info = call.argument("dimension", 1).is_some_and(|it| it.string.is_none());
    let place = match (call.name.name.as_str(), has_info) {
        ("create_hypertable", true) => 3,
        ("create_hypertable", false) => 8,
        ("add_dimension", true) => 2,
        ("add_dimension", false) => 5,
        (name, _) => POLICIES.iter().find(|adds| adds.function == name).map_or(BY_NAME, |adds| adds.if_not_exists),
    };
    let says = call.argument("if_not_exists", place);
    says.is_some_and(|it| it.text.eq_ignore_ascii_case("true"))
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
