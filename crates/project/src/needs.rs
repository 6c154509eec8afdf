//! What a file's statements need of their server, in the planner's words.

use dunlin_planner::{Feature, Have, Need, Needs, TargetKind};
use dunlin_sql as sql;

use crate::claims;
use crate::clickhouse;
use crate::sql_file::SqlFile;
use crate::timescale;

/// What the statements of `file` need on a server of this kind. Whether a server has TimescaleDB's module is known of targets
/// of kind `timescale` alone.
pub(crate) fn needs(file: &SqlFile, source: &sql::Source, kind: TargetKind) -> Needs {
    if kind == TargetKind::Clickhouse {
        return clickhouse::needs(file, source);
    }
    let need = |need: &sql::Need| {
        let (feature, have) = match &need.of {
            sql::Needed::Tsl | sql::Needed::Timescale(..) if kind != TargetKind::Timescale => return None,
            sql::Needed::Tsl => ("timescaledb-tsl".to_owned(), Have::Offered),
            sql::Needed::Timescale(major, minor) => (format!("timescaledb-{major}.{minor}"), Have::Since),
            sql::Needed::Available(name) => (name.clone(), Have::Offered),
            sql::Needed::Installed(name) => (name.clone(), Have::Installed),
        };
        let (what, is_certain, place) = (need.what.clone(), need.is_certain, file.place(&need.range));
        Some(Need { what, feature: Feature(feature), have, is_certain, place })
    };
    let analysis = source.analysis();
    let refresh = source.headers().refresh.first().filter(|_| kind == TargetKind::Timescale);
    let refresh = refresh.map(|asked| Need {
        what: "refresh".to_owned(),
        feature: Feature("timescaledb-tsl".to_owned()),
        have: Have::Offered,
        is_certain: true,
        place: file.place(&asked.range),
    });
    Needs {
        all: analysis.iter().flat_map(|analysis| &analysis.needs).filter_map(need).chain(refresh).collect(),
        brings: analysis.iter().flat_map(|analysis| &analysis.brings).cloned().map(Feature).collect(),
        promises: timescale::promises(source),
        claims: if kind == TargetKind::Timescale { claims::claims(file, source) } else { Vec::new() },
    }
}
