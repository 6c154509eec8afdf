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

/// What the files say from then on, a line for each claim.
#[track_caller]
fn claims(sql: &str) -> String {
    let config = ONE_SET.replace("[targets.db]\n", "[targets.db]\nkind = \"timescale\"\n");
    shown(&format!("{config}//- m/V1__a.sql\n{sql}\n"), |project| {
        let claims = project.catalog.migrations.iter().flat_map(|migration| &migration.up.needs.claims);
        claims.map(|claimed| format!("{}: {:?}\n", claimed.place.line, claimed.claim)).collect()
    })
}

#[test]
fn dimensions_are_read_in_every_form() {
    assert_snapshot!(claims("select create_hypertable('app.t', 'ts', 'site', 4, chunk_time_interval => 86400000000);
select create_hypertable('u', by_range('ts', partition_interval => interval '1 day', partition_func => 'f'));
select add_dimension('u', by_hash('site', number_partitions => 8));
select add_dimension('u', 'device', number_partitions => 2, if_not_exists => true), add_dimension('u', 'seen', chunk_time_interval => interval '7 days');
select add_dimension('u', by_range('at', interval '1 h'), true);
select set_number_partitions('u', 3, 'device');
select set_chunk_time_interval('u', interval '2 days') where false;
select set_partitioning_interval('u', 1000, dimension_name => 'at');
select create_hypertable(format('%I', name), 'ts') from names;"), @r#"
1: Makes(Hypertable { relation: "app.t", column: Some("ts"), interval: Some("86400000000") })
1: Makes(Dimension(Dimension { relation: "app.t", column: "site", by: Hash(Some("4")) }))
2: Makes(Hypertable { relation: "u", column: Some("ts"), interval: Some("interval '1 day'") })
3: Makes(Dimension(Dimension { relation: "u", column: "site", by: Hash(Some("8")) }))
4: Makes(Dimension(Dimension { relation: "u", column: "device", by: Hash(Some("2")) }))
4: Makes(Dimension(Dimension { relation: "u", column: "seen", by: Range(Some("interval '7 days'")) }))
5: Makes(Dimension(Dimension { relation: "u", column: "at", by: Range(Some("interval '1 h'")) }))
6: Slices { relation: Some("u"), column: Some("device"), by: Hash(Some("3")) }
7: Slices { relation: Some("u"), column: None, by: Range(None) }
8: Slices { relation: Some("u"), column: Some("at"), by: Range(Some("1000")) }
9: Hides
"#);
}

#[test]
fn options_of_tables_and_aggregates_are_read_under_every_name() {
    assert_snapshot!(claims("alter table app.t set (timescaledb.compress, timescaledb.compress_segmentby = 'Site, \"Odd\"', timescaledb.compress_orderby = 'ts desc nulls last,a asc');
alter table t set (tsdb.orderby = 'a', tsdb.compress_chunk_time_interval = '7 days');
alter table t set (timescaledb.compress_segmentby = :'columns');
alter table t reset (timescaledb.orderby);
alter table t set (timescaledb.enable_columnstore = off);
alter table t set (tsdb.chunk_interval = '2 days');
create table u (ts timestamptz not null) with (tsdb.hypertable, tsdb.partition_column = 'ts', tsdb.chunk_interval = '1 day', tsdb.segmentby = 'a');
create table v (ts timestamptz not null) with (tsdb.hypertable, tsdb.columnstore = false);
create materialized view w with (timescaledb.continuous, timescaledb.materialized_only = false) as select 1 with no data;
alter materialized view w set (timescaledb.materialized_only);
alter materialized view w set (timescaledb.compress = true);"), @r#"
1: Compresses { relation: "\"app\".\"t\"", settings: {SegmentBy: Some("site, Odd"), OrderBy: Some("ts DESC NULLS LAST, a")} }
2: Compresses { relation: "\"t\"", settings: {OrderBy: Some("a"), Interval: Some("'7 days'")} }
3: Compresses { relation: "\"t\"", settings: {SegmentBy: None} }
4: Compresses { relation: "\"t\"", settings: {OrderBy: None} }
5: Decompresses { relation: "\"t\"" }
6: Slices { relation: Some("\"t\""), column: None, by: Range(Some("'2 days'")) }
7: Makes(Hypertable { relation: "\"u\"", column: Some("ts"), interval: Some("'1 day'") })
7: Allows { procedure: "policy_compression", relation: "\"u\"" }
7: Compresses { relation: "\"u\"", settings: {SegmentBy: Some("a")} }
8: Makes(Hypertable { relation: "\"v\"", column: None, interval: None })
8: Allows { procedure: "policy_compression", relation: "\"v\"" }
8: Decompresses { relation: "\"v\"" }
9: Makes(Aggregate(AggregateShape { name: QualifiedName { schema: None, name: "w" }, columns: "", query: "select 1 " }))
9: Shows { relation: "\"w\"", only: Some(false) }
10: Shows { relation: "\"w\"", only: Some(true) }
11: Compresses { relation: "\"w\"", settings: {} }
"#);
}

#[test]
fn what_only_shows_when_it_runs_is_said_to() {
    assert_snapshot!(claims("do $$ begin perform create_hypertable('t', 'ts'); end $$;
create function f() returns void language plpgsql as $$ begin perform add_retention_policy('t', interval '1 day'); end $$;
create function g() returns void language sql as $$ select 1 $$;
alter table app.t rename to u;
alter table t rename column a to b;
alter materialized view w set schema app;
drop table app.u;
drop schema app cascade;
select alter_job(1000, scheduled => false);"), @r#"
1: Hides
2: Hides
4: Renames { name: "\"app\".\"t\"" }
6: Renames { name: "\"w\"" }
7: Drops { name: "\"app\".\"u\"" }
8: Drops { name: "*" }
9: Obscures
"#);
}
