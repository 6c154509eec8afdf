//! Every kind of connection string, tried by psql and by Dunlin on real servers: both connect, or both refuse.
//!
//! The rows are in `rows.txt`, with what differs and why. What was measured is docs/connections.md; the test fails while
//! that page says something else, and writes it where `DUNLIN_REWRITE=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod judge;
mod page;
mod rows;
mod servers;

use judge::{Judge, Outcome};
use servers::Servers;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connections.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dunlin_connects_where_psql_does() {
    let groups = rows::read(include_str!("rows.txt"));
    let servers = Servers::start();
    let judge = Judge::new(&servers);
    let (mut wrong, mut judged) = (Vec::new(), Vec::new());
    for group in &groups {
        servers.set(&group.settings);
        for (row, (psql, dunlin)) in group.rows.iter().zip(judge.try_all(&group.rows).await) {
            let agree = psql.kind == dunlin.kind;
            if agree == row.exception.is_some() {
                let should = if agree { "the exception is not needed" } else { "they differ" };
                wrong.push(format!("{}: {row}\n  {should}\n  psql:   {psql}\n  dunlin: {dunlin}", group.name));
            }
            wrong.extend(dunlin.flaw().map(|flaw| format!("{}: {row}\n  {flaw}\n  dunlin: {dunlin}", group.name)));
            judged.push((group, row, psql.kind, dunlin.kind));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), judged.len(), wrong.join("\n"));
    let connected = judged.iter().filter(|(.., psql, _)| *psql != Outcome::Refused).count();
    assert!(connected > 60 && judged.len() - connected > 60, "{connected} of {} connect", judged.len());
    println!("{} connection strings, {connected} of which connect", judged.len());
    let page = page::page(&judged);
    if std::env::var_os("DUNLIN_REWRITE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let is = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(is == page, "docs/connections.md is out of date: run this test with DUNLIN_REWRITE=1");
}
