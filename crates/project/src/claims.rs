//! What the statements of a file say of TimescaleDB from then on: what `verify` compares with the database.

use dunlin_planner::{Claim, Claimed, CompressionSetting, Promise, Slicing};
use dunlin_sql as sql;

use crate::body::qualified;
use crate::sql_file::SqlFile;
use crate::timescale::{materialized_only, said, shape, slicing};

/// What removes a policy, and what ran it.
const REMOVES: [(&str, &str); 5] = [
    ("remove_retention_policy", "policy_retention"),
    ("remove_compression_policy", "policy_compression"),
    ("remove_columnstore_policy", "policy_compression"),
    ("remove_reorder_policy", "policy_reorder"),
    ("remove_continuous_aggregate_policy", "policy_refresh_continuous_aggregate"),
];

/// Functions that change jobs in ways that only show when they run.
const OBSCURE: [&str; 5] = ["add_policies", "alter_job", "alter_policies", "delete_job", "remove_policies"];

/// What makes hypertables, continuous aggregates and policies, for text that is not followed.
const MAKING: [&str; 7] = [
    "create_hypertable",
    "timescaledb.hypertable",
    "tsdb.hypertable",
    "timescaledb.continuous",
    "tsdb.continuous",
    "_policy(",
    "add_policies",
];

/// What each statement claims, in order.
pub(crate) fn claims(file: &SqlFile, source: &sql::Source) -> Vec<Claimed> {
    let mut claims = Vec::new();
    for (statement, analysis) in source.statements().iter().zip(source.analysis()) {
        let place = file.place(&statement.range);
        let text = &source.text()[statement.range.clone()];
        let made = analysis.promises.iter().map(|(promise, _)| Claim::Makes(said(promise)));
        let aggregate = analysis.aggregate.iter().map(|build| Claim::Makes(Promise::Aggregate(shape(source, build))));
        let all = gone(text, analysis)
            .into_iter()
            .chain(analysis.calls.iter().filter_map(removed))
            .chain(obscured(analysis))
            .chain(hides(text, analysis).then_some(Claim::Hides))
            .chain(made)
            .chain(aggregate)
            .chain(analysis.settings.iter().flat_map(set))
            .chain(analysis.reslicings.iter().map(sliced));
        claims.extend(all.map(|claim| Claimed { claim, place: place.clone() }));
    }
    claims
}

/// What options say of a table or an aggregate.
fn set(settings: &sql::Settings) -> Vec<Claim> {
    use sql::Setting as S;
    let relation = qualified(&settings.name).quoted();
    let mut claims = Vec::new();
    let value = |setting| settings.says(setting).flatten().map(str::to_owned);
    if settings.makes_hypertable() {
        let (column, interval) = (value(S::TimeColumn), value(S::ChunkInterval));
        claims.push(Claim::Makes(Promise::Hypertable { relation: relation.clone(), column, interval }));
        // Newer versions compress such a table, and add the policy, unless they are told otherwise.
        claims.push(Claim::Allows { procedure: "policy_compression".to_owned(), relation: relation.clone() });
    } else if settings.says(S::ChunkInterval).is_some() {
        let by = Slicing::Range(value(S::ChunkInterval));
        claims.push(Claim::Slices { relation: Some(relation.clone()), column: None, by });
    }
    claims.extend(settings.compresses().map(|is_on| {
        let relation = relation.clone();
        let each = [
            (S::SegmentBy, CompressionSetting::SegmentBy),
            (S::OrderBy, CompressionSetting::OrderBy),
            (S::CompressedInterval, CompressionSetting::Interval),
        ];
        let said = each.into_iter().filter(|(from, _)| settings.says(*from).is_some());
        let settings = said.map(|(from, to)| (to, value(from))).collect();
        if is_on { Claim::Compresses { relation, settings } } else { Claim::Decompresses { relation } }
    }));
    claims.extend(materialized_only(settings).map(|(relation, only)| Claim::Shows { relation, only }));
    claims
}

fn sliced(reslicing: &sql::Reslicing) -> Claim {
    let sql::Reslicing { relation, column, by } = reslicing;
    Claim::Slices { relation: relation.clone(), column: column.clone(), by: slicing(by) }
}

/// Whether the statement makes, or lets later ones make, what nobody sees before it runs.
fn hides(text: &str, analysis: &sql::Analysis) -> bool {
    let called = analysis.calls.iter().filter(|call| call.name.name == "create_hypertable").count();
    let is_hypertable = |(promise, _): &&(sql::Promise, bool)| matches!(promise, sql::Promise::Hypertable { .. });
    let followed = analysis.promises.iter().filter(is_hypertable).count();
    let mut words = text.split_whitespace().map(str::to_ascii_lowercase);
    let is_code = match words.next().as_deref() {
        Some("do") => true,
        Some("create") => words.take(3).any(|word| word == "function" || word == "procedure"),
        _ => !analysis.parsed,
    };
    let text = text.to_ascii_lowercase();
    called > followed || (is_code && MAKING.iter().any(|making| text.contains(making)))
}

fn removed(call: &sql::Call) -> Option<Claim> {
    let (_, procedure) = REMOVES.iter().find(|(name, _)| *name == call.name.name)?;
    let names = ["relation", "hypertable", "continuous_aggregate"];
    let relation = names.iter().find_map(|name| call.argument(name, 0)).and_then(|it| it.string.clone());
    Some(match relation {
        Some(relation) => Claim::Removes { procedure: (*procedure).to_owned(), relation },
        None => Claim::Obscures,
    })
}

/// Jobs that are changed, or policies that are added under a condition.
fn obscured(analysis: &sql::Analysis) -> Option<Claim> {
    let adds = |name: &str| name.starts_with("add_") && name.ends_with("_policy");
    let names = || analysis.calls.iter().map(|call| call.name.name.as_str());
    let hidden = names().any(adds) && analysis.promises.is_empty();
    (hidden || names().any(|name| OBSCURE.contains(&name))).then_some(Claim::Obscures)
}

/// What is gone under its name: dropped, or named otherwise. With a schema or an extension goes what nobody lists.
fn gone(text: &str, analysis: &sql::Analysis) -> Vec<Claim> {
    let whole = |kind| matches!(kind, sql::ObjectKind::Schema | sql::ObjectKind::Extension);
    let words: Vec<_> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let renames = words.windows(2).any(|pair| pair[0] == "rename" && pair[1] == "to")
        || words.windows(2).any(|pair| pair[0] == "set" && pair[1] == "schema");
    let objects = analysis.objects.iter();
    objects
        .filter_map(|object| {
            let name = qualified(&object.name).quoted();
            let is_renamed = renames && object.action == sql::ObjectAction::Alter;
            let is_dropped = object.action == sql::ObjectAction::Drop;
            match (is_dropped || is_renamed, whole(object.kind)) {
                (true, true) => Some(Claim::Drops { name: "*".to_owned() }),
                (true, false) if is_renamed => Some(Claim::Renames { name }),
                (true, false) => Some(Claim::Drops { name }),
                (false, _) => None,
            }
        })
        .collect()
}
