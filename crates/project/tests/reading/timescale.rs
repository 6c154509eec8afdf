//! What files say to TimescaleDB: refreshes, indexes of chunks, and promises.

use dunlin_project::Project;
use insta::assert_snapshot;

use crate::fixture::{ONE_SET, catalog, shown};

fn check(files: &str) -> String {
    let config = ONE_SET.replace("[targets.db]\n", "[targets.db]\nkind = \"timescale\"\n");
    shown(&format!("{config}{files}\n"), view)
}

fn view(project: &Project) -> String {
    let promises = project.catalog.migrations.iter().flat_map(|migration| &migration.up.needs.promises);
    let promises: String =
        promises.map(|promised| format!("statement {}: {}\n", promised.statement, promised.promise)).collect();
    format!("{promises}{}", catalog(project))
}

#[test]
fn a_file_is_one_transaction_and_its_refreshes_stand_behind_it() {
    assert_snapshot!(check("//- m/V1__a.sql
-- dunlin: refresh daily, app.hourly from 2026-01-01 to 2026-02-01
create materialized view daily with (timescaledb.continuous) as select time_bucket('1 day', b) from app.hourly group by 1 with no data;
create materialized view app.hourly with (timescaledb.continuous) as select time_bucket('1 h', ts) as b from t group by 1 with no data;
//- m/V2__b.sql
create materialized view if not exists w with (timescaledb.continuous) as select time_bucket('1 h', ts) as b from t group by 1;
select add_retention_policy('t', interval '1 day', if_not_exists => true);
create index i on t using btree (a) with (timescaledb.transaction_per_chunk) where a > 0;
alter extension timescaledb update to '2.20';"), @r#"
statement 2: retention policy of `t`
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {2tx 2[refresh of `app.hourly` from 2026-01-01 to 2026-02-01: refresh of `app.hourly` from 2026-01-01 to 2026-02-01] 2[refresh of `daily` from 2026-01-01 to 2026-02-01: refresh of `daily` from 2026-01-01 to 2026-02-01]}
s/2 b Versioned up m/V2__b.sql {1[CREATE MATERIALIZED VIEW … WITH DATA: Aggregate(AggregateShape { name: QualifiedName { schema: None, name: "w" }, columns: "", query: "select time_bucket('1 h', ts) as b from t group by 1" })] 1[refresh of `w`: refresh of `w`] 2tx 3[CREATE INDEX … transaction_per_chunk: index i of the chunks of t:using btree (a)   where a > 0] 4[ALTER EXTENSION … UPDATE: timescaledb at Some("2.20")]}
"#);
}

#[test]
fn a_promise_that_the_file_breaks_itself_is_none() {
    assert_snapshot!(check("//- m/V1__a.sql
select create_hypertable('t', 'ts', if_not_exists => true);
select set_chunk_time_interval('t', interval '1 day');
select add_retention_policy('t', now() - '2026-01-01', if_not_exists => true);
select add_reorder_policy('t', 'i', if_not_exists => false);
select add_compression_policy('t', interval '1 day', if_not_exists => true) where false;"), @"
statement 2: retention policy of `t`
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx 2tx 3tx 4tx 5tx}
");
}

#[test]
fn a_refresh_has_a_place_where_it_can_be() {
    assert_snapshot!(check("//- m/V1__a.sql
-- dunlin: refresh v
-- dunlin: batch table=t key=id size=10
update t set a = 1 where :batch;
//- m/V2__b.sql
-- dunlin: refresh v
copy t from stdin;
1
\\.
"), @"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {3tx}
s/2 b Versioned up m/V2__b.sql {2tx}
error[refresh-misplaced]: a backfill is one statement in many transactions, and nothing can stand behind it
  at m/V1__a.sql:1:20
   | -- dunlin: refresh v
   |                    ^
  hint: ask for the refresh in a migration of its own
error[refresh-misplaced]: rows in the file and a refresh behind them cannot be one migration
  at m/V2__b.sql:1:20
   | -- dunlin: refresh v
   |                    ^
  hint: ask for the refresh in a migration of its own
");
    assert_snapshot!(shown(&format!("{ONE_SET}//- m/V1__a.sql\n-- dunlin: refresh v\nselect 1;\n"), view), @"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {2tx}
error[directive-misplaced]: the directive `refresh` is for targets of kind `timescale`
  at m/V1__a.sql:1:20
   | -- dunlin: refresh v
   |                    ^
  hint: remove it, or let the target be of that kind
");
}
