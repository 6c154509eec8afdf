//! Whether a ledger can be trusted: its tables are as they were made, and none of their rows goes or is hidden from this user.
//! A row that cannot be seen would be a migration that runs again.

use dunlin_planner::{Failure, FailureClass};

use crate::http::{Ask, Http};
use crate::rows::{Row, number, rows, text};
use crate::server::Server;
use crate::sql;
use crate::tables::{EVENT, META};

type Columns = &'static [(&'static str, &'static str)];

const TABLES: [(&str, Columns); 2] = [("dunlin_event", &EVENT), ("dunlin_meta", &META)];

/// Refuses a ledger that somebody changed, or of which something cannot be seen.
pub(crate) async fn check(http: &Http, server: &Server) -> Result<(), Failure> {
    let listed = rows(&http.ask(Ask::own(listing(http, server))).await?)?;
    // Rows are only added, so that what is counted now is no less than what was there before.
    let count = |(table, _)| format!("SELECT '{table}' AS of, count() AS seen FROM {table}");
    let query = format!("{} FORMAT JSONEachRow", TABLES.map(count).join(" UNION ALL "));
    let counted = rows(&http.ask(Ask::ledger(query)).await?)?;
    for (table, columns) in TABLES {
        let says = |what: &str| {
            let these = listed.iter().filter(|row| text(row, "of") == table && text(row, "what") == what);
            these.map(|row| text(row, "says")).collect::<Vec<_>>()
        };
        check_table(table, &says("engine").concat(), columns, &says("column"))?;
        let of = |row: &&Row| text(row, "of") == table;
        let there: u64 = says("rows").concat().parse().unwrap_or_default();
        let seen: u64 = counted.iter().find(of).map_or(0, |row| number(row, "seen"));
        if seen < there {
            let message = format!("{} of {there} rows of `{table}` are hidden from `{}`", there - seen, server.user);
            let hint = "let the target's URL name a user whom no row policy or filter keeps from reading all of it";
            return Err(untrusted(&message, hint));
        }
    }
    Ok(())
}

/// What the catalog says of the tables: engines, columns, and how many rows they hold, whoever may see them.
fn listing(http: &Http, server: &Server) -> String {
    let these = |column: &str| {
        let names = TABLES.map(|(table, _)| sql::text(table)).join(", ");
        format!("database = {} AND {column} IN ({names})", sql::text(http.database()))
    };
    let count = if server.version >= 200_400 {
        format!("SELECT name, 'rows', toString(ifNull(total_rows, 0)) FROM system.tables WHERE {}", these("name"))
    } else {
        let active = format!("active AND {}", these("table"));
        format!("SELECT table, 'rows', toString(sum(rows)) FROM system.parts WHERE {active} GROUP BY table")
    };
    format!(
        "SELECT name AS of, 'engine' AS what, concat(engine, ' ', engine_full) AS says FROM system.tables WHERE {} \
         UNION ALL SELECT table, 'column', concat(name, ' ', type) FROM system.columns WHERE {} \
         UNION ALL {count} FORMAT JSONEachRow",
        these("name"),
        these("table")
    )
}

fn check_table(table: &str, engine: &str, columns: Columns, found: &[String]) -> Result<(), Failure> {
    let hint = "somebody changed the tables of the ledger; make them as they were";
    let name = engine.split(' ').next().unwrap_or_default();
    if !name.ends_with("MergeTree") {
        return Err(untrusted(&format!("`{table}` has the engine {name}"), hint));
    }
    if engine.contains(" TTL ") {
        return Err(untrusted(&format!("rows of `{table}` expire"), hint));
    }
    let column = columns.iter().map(|(name, kind)| format!("{name} {kind}"));
    match column.into_iter().find(|column| !found.contains(column)) {
        Some(column) => Err(untrusted(&format!("`{table}` lacks `{column}`"), hint)),
        None => Ok(()),
    }
}

fn untrusted(why: &str, hint: &str) -> Failure {
    let failure = Failure::new(FailureClass::Estranged, format!("the ledger cannot be trusted: {why}"));
    Failure { hint: Some(hint.to_owned()), ..failure }
}
