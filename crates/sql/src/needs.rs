//! What a statement needs of its server beyond PostgreSQL: extensions, and what TimescaleDB has under which licence and
//! since which version.
//!
//! Told apart is what is certain to fail where the server lacks it, and what only may: inside a DO, or where a condition
//! stands beside it, a script may know by itself what the server has.

use std::ops::Range;

use crate::analysis::{Analysis, ObjectAction, ObjectKind};
use crate::call::Call;
use crate::lexer::{Lexer, string_value};
use crate::name::Words;

/// TimescaleDB's name as an extension.
const TIMESCALE: &str = "timescaledb";

/// Something that a statement needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What in the statement needs it: `add_retention_policy`.
    pub what: String,
    /// What it needs.
    pub of: Needed,
    /// Whether the statement fails without it, whatever else is so.
    pub is_certain: bool,
    /// Where it stands.
    pub range: Range<usize>,
}

/// What a server or a database may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// TimescaleDB's module under the Timescale License.
    Tsl,
    /// TimescaleDB of this version or newer.
    Timescale(u32, u32),
    /// The server can install this extension.
    Available(String),
    /// This extension is in the database.
    Installed(String),
}

/// Functions that answer with nothing where there is nothing to fill, whichever licence the server has.
const FILLING: [&str; 3] = ["interpolate", "locf", "time_bucket_gapfill"];

/// Functions of TimescaleDB whose names nobody else bears, that every build of it has.
const TIMESCALE_FUNCTIONS: [&str; 9] = [
    "add_dimension",
    "attach_tablespace",
    "create_hypertable",
    "detach_tablespace",
    "detach_tablespaces",
    "set_chunk_time_interval",
    "set_integer_now_func",
    "set_number_partitions",
    "set_partitioning_interval",
];

/// What the statement at `range` of `text` needs, which `analysis` was made of.
pub(crate) fn needs(text: &str, range: &Range<usize>, analysis: &Analysis) -> Vec<Need> {
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let first = |word: &str| tokens.first().is_some_and(|token| token.is(word));
    let words = Words::new(&tokens);
    let in_block = first("do");
    let guarded = in_block || ["where", "case", "from"].iter().any(|word| words.contains(word));
    let called = !guarded && (first("select") || first("call"));
    let mut needs = Vec::new();
    let mut need = |what: &str, of: Needed, is_certain: bool, at: &Range<usize>| {
        needs.push(Need { what: what.to_owned(), of, is_certain, range: at.clone() });
    };
    for call in &analysis.calls {
        let name = call.name.name.as_str();
        if call.needs_tsl() {
            need(name, Needed::Tsl, called && !FILLING.contains(&name), &call.range);
        }
        if is_timescale(call) {
            need(name, Needed::Installed(TIMESCALE.to_owned()), !in_block, &call.range);
        }
    }
    for option in &analysis.timescale_options {
        let (name, at) = (option.name.as_str(), &option.range);
        if TSL_OPTIONS.iter().any(|prefix| name.starts_with(prefix)) {
            need(&option.to_string(), Needed::Tsl, !in_block, at);
        }
        if name == "hypertable" {
            need(&option.to_string(), Needed::Timescale(2, 20), !in_block, at);
        }
        need(&option.to_string(), Needed::Installed(TIMESCALE.to_owned()), !in_block, at);
    }
    for (name, at) in extensions(analysis, ObjectAction::Create) {
        need("CREATE EXTENSION", Needed::Available(name.to_owned()), !in_block, at);
    }
    for (name, at) in extensions(analysis, ObjectAction::Alter) {
        need("ALTER EXTENSION", Needed::Installed(name.to_owned()), !in_block, at);
    }
    needs
}

/// The extensions that the statement at `range` of `text` creates or brings up to date, or perhaps does.
pub(crate) fn brings(text: &str, range: &Range<usize>, analysis: &Analysis) -> Vec<String> {
    let created = extensions(analysis, ObjectAction::Create).chain(extensions(analysis, ObjectAction::Alter));
    let mut brought: Vec<_> = created.map(|(name, _)| name.to_owned()).collect();
    let mut tokens = Lexer::within(text, range).significant();
    if tokens.next().is_some_and(|token| token.is("do")) {
        let bodies = tokens.filter_map(|token| string_value(&token));
        let hidden = bodies.map(|(body, _)| body.to_ascii_lowercase()).any(|body| body.contains("extension"));
        brought.extend(hidden.then(|| TIMESCALE.to_owned()));
    }
    brought
}

fn extensions(analysis: &Analysis, action: ObjectAction) -> impl Iterator<Item = (&str, &Range<usize>)> {
    let extensions = analysis.objects.iter().filter(move |it| it.kind == ObjectKind::Extension && it.action == action);
    extensions.map(|it| (it.name.name.as_str(), &it.range))
}

/// A function that every build of TimescaleDB has, and nothing else.
fn is_timescale(call: &Call) -> bool {
    let schema = call.name.schema.as_deref().unwrap_or("public");
    (schema == "public" && TIMESCALE_FUNCTIONS.contains(&call.name.name.as_str()))
        || (schema.starts_with("timescaledb_") || schema.starts_with("_timescaledb_"))
}

/// Options of TimescaleDB that only its TSL module has begin so.
const TSL_OPTIONS: [&str; 7] =
    ["continuous", "compress", "enable_columnstore", "columnstore", "materialized_only", "orderby", "segmentby"];
