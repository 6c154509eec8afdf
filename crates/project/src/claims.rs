//! What the statements of a file say of TimescaleDB from then on: what `verify` compares with the database.

use dunlin_planner::{Claim, Claimed, Promise};
use dunlin_sql as sql;

use crate::body::qualified;
use crate::sql_file::SqlFile;
use crate::timescale::{said, shape};

/// What removes a policy, and what ran it.
const REMOVES: [(&str, &str); 5] = [
    ("remove_retention_policy", "policy_retention"),
    ("remove_compression_policy", "policy_compression"),
    ("remove_columnstore_policy", "policy_compression"),
    ("remove_reorder_policy", "policy_reorder"),
    ("remove_continuous_aggregate_policy", "policy_refresh_continuous_aggregate"),
];

/// Functions that change jobs in ways that only show when they run.
const OBSCURE: [&str; 4] = ["alter_job", "delete_job", "alter_policies", "remove_policies"];

/// What each statement claims, in order.
pub(crate) fn claims(file: &SqlFile, source: &sql::Source) -> Vec<Claimed> {
    let mut claims = Vec::new();
    for (statement, analysis) in source.statements().iter().zip(source.analysis()) {
        let place = file.place(&statement.range);
        let drops = gone(&source.text()[statement.range.clone()], analysis);
        let made = analysis.promises.iter().map(|(promise, _)| made(said(promise), analysis));
        let aggregate = analysis.aggregate.iter().map(|build| Claim::Makes(Promise::Aggregate(shape(source, build))));
        let removed = analysis.calls.iter().filter_map(removed);
        let compressed = analysis.compression().map(|(table, is_on)| {
            let relation = qualified(&table).quoted();
            if is_on { Claim::Makes(Promise::Compression { relation }) } else { Claim::Decompresses { relation } }
        });
        let all =
            drops.into_iter().chain(compressed).chain(removed).chain(obscured(analysis)).chain(made).chain(aggregate);
        claims.extend(all.map(|claim| Claimed { claim, place: place.clone() }));
    }
    claims
}

/// An interval that is set on its own is a promise about a hypertable that is there.
fn made(promise: Promise, analysis: &sql::Analysis) -> Claim {
    match promise {
        Promise::Hypertable { relation, interval, .. }
            if analysis.calls.iter().any(|call| call.name.name == "set_chunk_time_interval") =>
        {
            Claim::Interval { relation, interval }
        }
        promise => Claim::Makes(promise),
    }
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
    let is_gone = |object: &&sql::ObjectRef| {
        object.action == sql::ObjectAction::Drop || (renames && object.action == sql::ObjectAction::Alter)
    };
    let gone = analysis.objects.iter().filter(is_gone);
    gone.map(|object| Claim::Drops { name: if whole(object.kind) { "*".to_owned() } else { object.name.name.clone() } })
        .collect()
}
