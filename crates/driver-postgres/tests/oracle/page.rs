//! The page that this test measures: docs/connections.md.

use dunlin_driver_postgres::KEYS;

use crate::judge::Outcome;
use crate::rows::{Group, Row};

const BEFORE: &str = include_str!("before.md");

type Judged<'a> = (&'a Group, &'a Row, Outcome, Outcome);

pub(crate) fn page(judged: &[Judged<'_>]) -> String {
    let mut page = BEFORE.replace("KEYS\n", &keys()).replace("EXCEPTIONS\n", &exceptions(judged));
    let mut group = "";
    for (of, row, psql, dunlin) in judged {
        if group != of.name {
            group = of.name;
            page += &format!("\n### {group}\n\nThe server: {}.\n\n| connection | outcome |\n|---|---|\n", of.about);
        }
        let outcome = match (psql, dunlin) {
            (psql, dunlin) if psql == dunlin => word(*psql).to_owned(),
            (psql, dunlin) => format!("psql: {}, Dunlin: {}", word(*psql), word(*dunlin)),
        };
        page += &format!("| {} | {outcome} |\n", code(row));
    }
    page
}

fn keys() -> String {
    let rows = KEYS.iter().map(|key| {
        let variable = if key.variable.is_empty() { String::new() } else { format!("`{}`", key.variable) };
        let server = if key.names_server { "yes" } else { "" };
        format!("| `{}` | {variable} | {server} | {} |\n", key.name, key.note)
    });
    rows.collect()
}

fn exceptions(judged: &[Judged<'_>]) -> String {
    let mut text = String::new();
    for (group, row, psql, dunlin) in judged {
        if let Some(why) = row.exception {
            let (psql, dunlin) = (word(*psql), word(*dunlin));
            text += &format!("| {} | {} | {psql} | {dunlin} | {why} |\n", group.name, code(row));
        }
    }
    text
}

fn code(row: &Row) -> String {
    format!("`{}`", row.to_string().replace('|', "\\|"))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Primary => "connects",
        Outcome::Standby => "connects, to the standby",
        Outcome::Refused => "refuses",
    }
}
