//! What the file of a backfill is made of, and what is found in it.

use dunlin_project::Project;
use insta::assert_snapshot;

use crate::fixture::{ONE_SET, findings, shown};

fn check(sql: &str) -> String {
    shown(&format!("{ONE_SET}//- m/V1__a.sql\n{sql}\n"), view)
}

fn view(project: &Project) -> String {
    let batch = project.catalog.migrations.first().and_then(|migration| migration.up.batch.as_ref());
    let batch = batch.map(|batch| {
        let places: Vec<_> = batch.places.iter().map(|place| (place.range.clone(), place.alias.as_deref())).collect();
        format!("{} by {}: {places:?} {:?}\n", batch.table, batch.key.join(", "), batch.pace)
    });
    format!("{}{}", batch.unwrap_or_default(), findings(project))
}

#[test]
fn a_backfill_is_one_statement_with_a_place_for_the_range() {
    assert_snapshot!(check("-- dunlin: batch table=App.T key=a,B size=10 lag=off time=1s\nupdate app.t as x set n = 1 where :batch(x)"), @r#"
app.t by a, b: [(95..104, Some("x"))] Pace { size: 10, time: Some(1s), lag: None, age: Some(900s) }
"#);
    assert_snapshot!(check("-- dunlin: batch table=t key=id size=10\nupdate t set n = 1;\nselect 1;"), @r#"
t by id: [] Pace { size: 10, time: Some(200ms), lag: Some(5s), age: Some(900s) }
error[batch-invalid]: a backfill is one statement, and this file has 2
  at m/V1__a.sql:3:1
   | select 1;
   | ^^^^^^^^
  hint: give each statement a file of its own
"#);
    assert_snapshot!(check("-- dunlin: batch table=t key=id size=10\nvacuum t;"), @r#"
t by id: [] Pace { size: 10, time: Some(200ms), lag: Some(5s), age: Some(900s) }
error[batch-invalid]: a batch and its cursor are one transaction, and this statement cannot be in one
  at m/V1__a.sql:2:1
   | vacuum t;
   | ^^^^^^^^
  hint: take the directive `batch` out
error[batch-invalid]: the statement does not say where the range of a batch belongs
  at m/V1__a.sql:2:1
   | vacuum t;
   | ^^^^^^^^
  hint: write `WHERE :batch`, or `WHERE :batch(t)` for the columns of `t`
"#);
    assert_snapshot!(check("update t set n = 1 where :batch"), @r#"
error[batch-undeclared]: `:batch` stands for the range of a backfill, and the file does not say which
  at m/V1__a.sql:1:26
   | update t set n = 1 where :batch
   |                          ^^^^^^
  hint: add `-- dunlin: batch table=… key=… size=…`
"#);
}
