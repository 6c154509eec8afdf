//! What statements are taken for: class, lock, phase, objects, calls.

#![expect(clippy::unwrap_used, reason = "a test that fails here should say so")]

use std::fmt::Write;

use dunlin_sql::{Analysis, ColumnChangeKind, Need, Needed, NonTx, Source, StatementClass};

fn analysis(sql: &str) -> Vec<Analysis> {
    let source = Source::read(sql.as_bytes()).unwrap();
    assert_eq!(source.problems(), [], "{sql}");
    source.analysis().to_vec()
}

/// The class of the last statement; `tx` for one that may run in a transaction.
#[track_caller]
fn check_class(sql: &str, expected: &str) {
    let got = match &analysis(sql).last().unwrap().class {
        StatementClass::Transactional => "tx".to_owned(),
        StatementClass::Unknown { procedure } => format!("unknown {procedure}"),
        StatementClass::NonTransactional(what) => describe(what),
    };
    assert_eq!(got, expected, "{sql:?}");
}

fn describe(what: &NonTx) -> String {
    match what {
        NonTx::CreateIndexConcurrently(build) | NonTx::IndexTransactionPerChunk(build) => {
            let unique = if build.unique { " unique" } else { "" };
            let lax = if build.if_not_exists { " if not exists" } else { "" };
            let name = build.name.as_deref().unwrap_or("-");
            format!("index {name} on {}{unique}{lax}", build.table)
        }
        NonTx::DropIndexConcurrently { names } => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            format!("drop index {}", names.join(", "))
        }
        NonTx::ReindexConcurrently { target, name } | NonTx::ReindexMany { target, name } => {
            let name = name.as_ref().map(ToString::to_string);
            format!("reindex {target:?} {}", name.unwrap_or_default())
        }
        NonTx::DetachConcurrently { table, partition } => format!("detach {partition} of {table}"),
        NonTx::RefreshContinuousAggregate { name } => {
            let name = name.as_ref().map(ToString::to_string);
            format!("refresh {}", name.unwrap_or_default())
        }
        NonTx::ContinuousAggregateWithData { name } => format!("aggregate {name}"),
        NonTx::CommittingCall { procedure } => format!("committing call {procedure}"),
        NonTx::CreateDatabase { name } => format!("create database {name}"),
        NonTx::DropDatabase { name } => format!("drop database {name}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn indexes_outside_transactions() {
    check_class("create index concurrently i on s.t (a)", "index i on s.t");
    check_class(
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON ONLY \"S\".t USING btree (a)",
        "index I on S.t unique if not exists",
    );
    check_class("create index concurrently on t (a)", "index - on t");
    check_class("create /* x */ index -- y\n concurrently i on only (t) (a)", "index i on t");
    check_class("create index i on t (a)", "tx");
    check_class("create index i on t (a) with (timescaledb.transaction_per_chunk)", "index i on t");
    check_class("create index i on t (a) with (timescaledb.transaction_per_chunk = false)", "tx");
    check_class("drop index concurrently if exists a, s.b cascade", "drop index a, s.b");
    check_class("drop index a", "tx");
    check_class("reindex index concurrently i", "reindex Index i");
    check_class("reindex (verbose, concurrently) table s.t", "reindex Table s.t");
    check_class("reindex (concurrently false) table t", "tx");
    check_class("reindex table t", "tx");
    check_class("reindex database d", "reindex Database d");
    check_class("reindex schema s", "reindex Schema s");
}

#[test]
fn other_statements_outside_transactions() {
    check_class("vacuum (analyze) t", "Vacuum");
    check_class("create database \"D\"", "create database D");
    check_class("drop database if exists d with (force)", "drop database d");
    check_class("alter system set work_mem = '1MB'", "AlterSystem");
    check_class("create tablespace x location '/x'", "Tablespace");
    check_class("alter database d set tablespace x", "AlterDatabaseTablespace");
    check_class("alter database d set work_mem = '1MB'", "tx");
    check_class("alter table only s.t detach partition s.p concurrently", "detach s.p of s.t");
    check_class("alter table t detach partition p", "tx");
    check_class("alter table t detach partition p finalize", "tx");
    check_class("discard all", "DiscardAll");
    check_class("discard plans", "tx");
    check_class("cluster", "Cluster");
    check_class("cluster (verbose)", "Cluster");
    check_class("cluster t using i", "tx");
    check_class("create subscription s connection 'x' publication p", "Subscription");
    check_class("create subscription s connection 'x' publication p with (connect = false)", "tx");
    check_class("create subscription s connection 'x' publication p with (connect = true)", "Subscription");
    check_class("create subscription s connection 'x' publication p with (create_slot = false)", "tx");
    check_class("create subscription s connection 'x' publication p with (slot_name = none)", "tx");
    check_class("create subscription s connection 'x' publication p with (copy_data = false)", "Subscription");
    check_class("alter subscription s refresh publication", "Subscription");
    check_class("alter subscription s set publication p", "Subscription");
    check_class("alter subscription s disable", "tx");
    check_class("drop subscription s", "Subscription");
    check_class("refresh materialized view concurrently v", "tx");
    check_class("lock table t", "tx");
    check_class("alter type mood add value 'meh'", "tx");
    check_class("select 'create index concurrently i on t (a)'", "tx");
}

/// The WITH list of an index that is built concurrently.
#[track_caller]
fn check_stored(behind: &str, expected: Option<&str>) {
    let sql = format!("create index concurrently i on t {behind}");
    let StatementClass::NonTransactional(NonTx::CreateIndexConcurrently(build)) = &analysis(&sql)[0].class else {
        panic!("{sql:?} is another statement")
    };
    assert_eq!(build.options.clone().map(|range| &sql[range]), expected, "{sql:?}");
}

#[test]
fn what_an_index_is_stored_by() {
    check_stored("(a)", None);
    check_stored("using gin (a) with (fastupdate = off) where a > 0", Some("with (fastupdate = off)"));
    check_stored("using gin (a with =) WITH (fastupdate)", Some("WITH (fastupdate)"));
    check_stored("((with + 1), (b)) include (c)", None);
}

#[test]
fn timescale_statements() {
    let aggregate = "create materialized view if not exists s.hourly with (timescaledb.continuous) as select 1";
    check_class(aggregate, "aggregate s.hourly");
    check_class(&format!("{aggregate} with data"), "aggregate s.hourly");
    check_class(&format!("{aggregate} with no data"), "tx");
    check_class("create materialized view v as select 1", "tx");
    check_class("create index i on t (a) with (timescaledb.transaction_per_chunk = true)", "index i on t");
    check_class("create index i on t (a) with (timescaledb.transaction_per_chunk = off)", "tx");
    check_class("create index i on t (a) with (x.transaction_per_chunk)", "tx");
    check_class("call refresh_continuous_aggregate('s.hourly', null, null)", "refresh s.hourly");
    check_class("call add_columnstore_policy('t', interval '1 day')", "tx");
    check_class("select create_hypertable('t', 'ts')", "tx");
}

#[test]
fn procedures_and_do_bodies() {
    check_class("call app.cleanup(1)", "unknown app.cleanup");
    let procedure = |body: &str| {
        format!("create procedure app.cleanup(n int) language plpgsql as $$ begin {body} end $$; call cleanup(1)")
    };
    check_class(&procedure("delete from t; commit;"), "committing call cleanup");
    check_class(&procedure("delete from t;"), "tx");
    check_class("do $$ begin update t set a = 1; commit; end $$", "CommittingDo");
    check_class("do language plpgsql 'begin if true then rollback; end if; end'", "CommittingDo");
    check_class("do $$ begin rollback to x; perform 'a; commit;'; end $$", "tx");
    check_class("do $$ begin call refresh_continuous_aggregate('v', null, null); end $$", "RefreshingDo");
    check_class(
        "do $$ begin insert into t values (1); call refresh_continuous_aggregate('v', null, null); end $$",
        "CommittingDo",
    );
    check_class(
        "do $$ begin call refresh_continuous_aggregate('v', null, null); insert into t values (1); end $$",
        "CommittingDo",
    );
    check_class("do $$ begin raise notice 'x'; end $$", "tx");
    check_class(
        "do $$ declare n text; begin for n in select 'a' loop call refresh_continuous_aggregate(n, null, null); end loop; end $$",
        "CommittingDo",
    );
    check_class("alter extension timescaledb update to '2.20.0'", "UpdateTimescale { version: Some(\"2.20.0\") }");
    check_class("alter extension pg_trgm update", "tx");
    check_class("do $$ begin <<l>> commit; end $$", "CommittingDo");
    check_class("do $$ begin call app.cleanup(); end $$", "tx");
    check_class("do $$ begin insert into t (commit) values (1); end $$", "tx");
}

/// Lock, phase, objects, calls and changes of the only statement.
#[track_caller]
fn check(sql: &str, expected: &str) {
    let found = analysis(sql);
    let [it] = found.as_slice() else {
        panic!("{sql:?} has {} statements", found.len());
    };
    let phase = it.phase.map_or("-", |phase| phase.as_str());
    let mut got = format!("{}; {phase}", it.lock.as_str());
    for object in &it.objects {
        let text = sql[object.range.clone()].to_lowercase().replace('"', "");
        assert!(text.ends_with(&object.name.name.to_lowercase()), "{object:?}");
        write!(got, "; {:?} {:?} {}", object.action, object.kind, object.name).unwrap();
    }
    for call in &it.calls {
        write!(got, "; {}()", call.name).unwrap();
    }
    for change in &it.changes {
        write!(got, "; {:?} {}.{}", change.kind, change.table, change.column).unwrap();
    }
    for error in &it.syntax_errors {
        write!(got, "; error {} at {:?}", error.message, &sql[error.range.start..]).unwrap();
    }
    assert_eq!(got, expected, "{sql:?}");
}

#[test]
fn tables() {
    check(
        "create table app.t (id int primary key, u int references users (id))",
        "SHARE ROW EXCLUSIVE; expand; Create Table app.t; Use Table users",
    );
    check("create table if not exists \"T\" (a int)", "none; expand; Create Table T");
    check("drop table if exists a.b, c cascade", "ACCESS EXCLUSIVE; contract; Drop Table a.b; Drop Table c");
    check("create table p1 partition of p for values in (1)", "ACCESS EXCLUSIVE; expand; Create Table p1; Use Table p");
    check("truncate t", "ACCESS EXCLUSIVE; data; Use Table t");
    check(
        "create view v as select * from a join b.c on true",
        "ACCESS SHARE; expand; Create View v; Use Relation a; Use Relation b.c",
    );
    check("drop materialized view v", "ACCESS EXCLUSIVE; contract; Drop MaterializedView v");
    check("create index i on s.t (a)", "SHARE; expand; Create Index i; Use Table s.t");
    check("create index concurrently i on s.t (a)", "SHARE UPDATE EXCLUSIVE; expand; Create Index i; Use Table s.t");
    check("comment on table t is 'x'", "SHARE UPDATE EXCLUSIVE; expand; Use Table t");
    check("refresh materialized view concurrently v", "EXCLUSIVE; -; Use MaterializedView v");
    check("lock table t in share mode", "SHARE; -; Use Relation t");
}

/// Variants of one statement that lock differently.
#[test]
fn locks() {
    for (sql, lock) in [
        ("create table t as select 1", "ACCESS SHARE"),
        ("create materialized view v as select 1", "ACCESS SHARE"),
        ("create or replace view v as select 1", "ACCESS EXCLUSIVE"),
        ("reindex table t", "ACCESS EXCLUSIVE"),
        ("reindex table concurrently t", "SHARE UPDATE EXCLUSIVE"),
        ("refresh materialized view v", "ACCESS EXCLUSIVE"),
        ("vacuum t", "SHARE UPDATE EXCLUSIVE"),
        ("vacuum (analyze) t", "SHARE UPDATE EXCLUSIVE"),
        ("vacuum full t", "ACCESS EXCLUSIVE"),
        ("vacuum (full, analyze) t", "ACCESS EXCLUSIVE"),
        ("alter table t alter column a set (n_distinct = 5)", "SHARE UPDATE EXCLUSIVE"),
        ("alter table t alter column a reset (n_distinct)", "SHARE UPDATE EXCLUSIVE"),
        ("alter table t alter column a set default 1", "ACCESS EXCLUSIVE"),
        ("alter table t reset (fillfactor)", "SHARE UPDATE EXCLUSIVE"),
        ("alter table t detach partition p", "ACCESS EXCLUSIVE"),
    ] {
        assert_eq!(analysis(sql)[0].lock.as_str(), lock, "{sql}");
    }
}

#[test]
fn changes_of_tables() {
    check(
        "alter table app.t add column a int not null, drop column b",
        "ACCESS EXCLUSIVE; contract; Alter Table app.t; Add { not_null: true, filled: false } app.t.a; Drop app.t.b",
    );
    check("alter table t validate constraint c", "SHARE UPDATE EXCLUSIVE; expand; Alter Table t");
    check(
        "alter table t add constraint c foreign key (a) references u (b) not valid",
        "SHARE ROW EXCLUSIVE; expand; Alter Table t; Use Table u",
    );
    check("alter table t add constraint c check (a > 0)", "ACCESS EXCLUSIVE; expand; Alter Table t");
    check("alter table t set (fillfactor = 70)", "SHARE UPDATE EXCLUSIVE; expand; Alter Table t");
    check("alter table t set (timescaledb.compress)", "ACCESS EXCLUSIVE; expand; Alter Table t");
    check("alter table t alter column a set statistics 100", "SHARE UPDATE EXCLUSIVE; expand; Alter Table t");
    check("alter table t alter a type bigint", "ACCESS EXCLUSIVE; contract; Alter Table t; SetType t.a");
    check("alter table t rename column a to b", "ACCESS EXCLUSIVE; contract; Alter Table t; Rename t.a");
    check("alter table t rename to u", "ACCESS EXCLUSIVE; contract; Alter Table t; Create Table u");
    check("alter table t disable trigger x", "SHARE ROW EXCLUSIVE; expand; Alter Table t; Use Trigger x");
    check(
        "alter table t detach partition p concurrently",
        "SHARE UPDATE EXCLUSIVE; contract; Alter Table t; Use Table p",
    );
    check(
        "alter table t add column a bigserial not null",
        "ACCESS EXCLUSIVE; expand; Alter Table t; Add { not_null: true, filled: true } t.a",
    );
}

#[test]
fn rows_and_calls() {
    check(
        "with c as (select 1) insert into app.t select f(1), s.g(h(2)) from c, d",
        "ROW EXCLUSIVE; data; Use Relation app.t; Use Relation d; f(); s.g(); h()",
    );
    check("update t set a = 1 from u where u.b = t.b", "ROW EXCLUSIVE; data; Use Relation t; Use Relation u");
    check("select 1 from t for update", "ROW SHARE; -; Use Relation t");
    check("select create_hypertable('app.m', 'ts')", "ACCESS EXCLUSIVE; expand; create_hypertable()");
    check("select :'x', f(:y::int)", "ACCESS SHARE; -; f()");
    check("select a[1:2], b::text, :\"z\".c", "ACCESS SHARE; -");
    check("grant select on t to r", "none; expand; Use Relation t; Use Role r");
    check("set search_path = a", "none; -");
}

#[test]
fn routines_and_bodies() {
    check(
        "create trigger tr after insert on s.t for each row execute function app.f()",
        "SHARE ROW EXCLUSIVE; expand; Create Trigger tr; Use Relation s.t; app.f()",
    );
    check(
        "create or replace function app.f() returns int language plpgsql as $$ begin perform g() from hidden; return 1; end $$",
        "none; expand; Create Function app.f",
    );
    check(
        "do $$ declare n int; begin if not exists (select 1 from x.y) then alter table t add column a int; end if; select 1 into n; perform f(); end $$",
        "ACCESS EXCLUSIVE; expand; Use Relation x.y; Alter Table t; f(); Add { not_null: false, filled: false } t.a",
    );
    check("do $$ begin insert into t values (1); end $$", "ROW EXCLUSIVE; data; Use Relation t");
    check("do $$ begin execute 'drop table x'; end $$", "ACCESS EXCLUSIVE; -");
    check(
        "create policy p on t using (a in (select b from u))",
        "ACCESS EXCLUSIVE; expand; Create Policy p; Use Table t; Use Relation u",
    );
}

#[test]
fn broken_statements_are_taken_for_the_worst() {
    let broken = &analysis("create tabel t (a int)")[0];
    assert!(!broken.parsed && !broken.syntax_errors.is_empty());
    assert_eq!(broken.lock.as_str(), "ACCESS EXCLUSIVE");
    let rows = format!("insert into t values {}(1)", "(1),".repeat(20_000));
    let skipped = &analysis(&rows)[0];
    assert!(!skipped.parsed && skipped.syntax_errors.is_empty());
    check_class("create index concurrently i on t (a) with nonsense ahead", "index i on t");
}

#[test]
fn deep_nesting_needs_no_more_stack_than_there_is() {
    for deep in ["- ", "not ", "1+", "case when true then "] {
        let count = 20_000 / deep.len();
        let sql = format!("select {}1", deep.repeat(count));
        assert_eq!(analysis(&sql).len(), 1, "{deep}");
    }
}

#[test]
fn jobs_of_pg_cron() {
    let job = |sql: &str| {
        let found = analysis(sql);
        let job = found[0].calls.iter().find_map(|call| call.cron_job()).unwrap();
        let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        format!(
            "{} | {} | {} | {}",
            if job.named { part(job.name) } else { "unnamed".to_owned() },
            part(job.schedule),
            part(job.command),
            part(job.database)
        )
    };
    assert_eq!(
        job("select cron.schedule('j', '@daily', $$select 1; select 2$$)"),
        "j | @daily | select 1; select 2 | -"
    );
    assert_eq!(job("select cron.schedule('@daily', 'vacuum')"), "unnamed | @daily | vacuum | -");
    assert_eq!(
        job("select cron.schedule(schedule => '@daily', command => 'x', job_name => 'it''s')"),
        "it's | @daily | x | -"
    );
    assert_eq!(
        job("select cron.schedule_in_database('j', '* * * * *', 'call roll()', 'metrics')"),
        "j | * * * * * | call roll() | metrics"
    );
    assert_eq!(
        job("select cron.schedule_in_database(name || 'x', '@hourly', 'y', database := 'm') from names"),
        "- | @hourly | y | m"
    );
    assert_eq!(job("do $$ begin perform cron.schedule('j', '@daily', 'x'); end $$"), "j | @daily | x | -");
}

#[test]
fn timescale_features_that_need_the_module() {
    let needs = |sql: &str| {
        let source = Source::read(sql.as_bytes()).unwrap();
        let needs = source.analysis().iter().flat_map(|analysis| &analysis.needs);
        let word = |need: &Need| match &need.of {
            Needed::Tsl if need.is_certain => Some(need.what.clone()),
            Needed::Tsl => Some(format!("{}?", need.what)),
            Needed::Timescale(major, minor) => Some(format!("{} {major}.{minor}", need.what)),
            Needed::Available(name) => Some(format!("{} offered:{name}", need.what)),
            Needed::Installed(_) => None,
        };
        needs.filter_map(word).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        needs("create materialized view v with (timescaledb.continuous) as select 1 with no data"),
        "timescaledb.continuous"
    );
    assert_eq!(
        needs("alter table t set (timescaledb.compress, timescaledb.compress_orderby = 'a')"),
        "timescaledb.compress timescaledb.compress_orderby"
    );
    assert_eq!(needs("select add_retention_policy('t', interval '1 day')"), "add_retention_policy");
    assert_eq!(needs("call public.refresh_continuous_aggregate('v', null, null)"), "refresh_continuous_aggregate");
    assert_eq!(
        needs(
            "select create_hypertable('t', 'ts'); select cron.alter_job(1); create table t (a int) with (tsdb.hypertable)"
        ),
        "tsdb.hypertable 2.20"
    );
    // A script may know by itself what the server has, and what fills gaps answers nothing where there are none.
    assert_eq!(
        needs("do $$ begin perform add_retention_policy('t', interval '1 day'); end $$"),
        "add_retention_policy?"
    );
    assert_eq!(
        needs("select add_job('p', '1h') where current_setting('timescaledb.license') = 'timescale'"),
        "add_job?"
    );
    assert_eq!(needs("select time_bucket_gapfill('1 h', ts) from t group by 1"), "time_bucket_gapfill?");
    assert_eq!(needs("create extension if not exists pg_trgm"), "CREATE EXTENSION offered:pg_trgm");
}

#[test]
fn extensions_that_have_to_be_there_and_those_that_a_statement_brings() {
    let check = |sql: &str, expected: &str| {
        let found = analysis(sql).remove(0);
        let installed = found.needs.iter().filter_map(|need| match &need.of {
            Needed::Installed(name) => Some(format!("{}{name}", if need.is_certain { "" } else { "?" })),
            _ => None,
        });
        let installed: Vec<_> = installed.collect();
        assert_eq!(format!("needs {} brings {}", installed.join(" "), found.brings.join(" ")), expected, "{sql}");
    };
    check("select create_hypertable('t', 'ts')", "needs timescaledb brings ");
    check("select other.create_hypertable('t', 'ts')", "needs  brings ");
    check("create index i on t (a) with (timescaledb.transaction_per_chunk)", "needs timescaledb brings ");
    check("do $$ begin perform create_hypertable('t', 'ts'); end $$", "needs ?timescaledb brings ");
    check("create extension if not exists timescaledb", "needs  brings timescaledb");
    check("alter extension timescaledb update", "needs timescaledb brings timescaledb");
    check("do $$ begin execute 'create extension timescaledb'; end $$", "needs  brings timescaledb");
    check("create function f() returns int language sql as 'select 1'", "needs  brings ");
}

#[test]
fn enum_values_are_flagged() {
    let value = analysis("alter type app.mood add value if not exists 'meh' before 'x'")[0].adds_enum_value.clone();
    let value = value.map(|it| format!("{} {}", it.name, it.value));
    assert_eq!(value.as_deref(), Some("app.mood meh"));
}

#[test]
fn the_phase_of_a_file() {
    let phase = |sql: &str| Source::read(sql.as_bytes()).unwrap().phase().map(|it| it.as_str());
    assert_eq!(phase("create table t (a int); insert into t values (1)"), Some("expand"));
    assert_eq!(phase("create table t (a int); drop table u"), Some("contract"));
    assert_eq!(phase("drop view if exists v; create view v as select 1"), Some("expand"));
    assert_eq!(phase("update t set a = 1"), Some("data"));
    assert_eq!(phase("select 1"), None);
    assert_eq!(phase("-- dunlin: phase data\ndrop table t"), Some("data"));
}

#[test]
fn a_new_column_tells_whether_it_is_filled() {
    let found = analysis("alter table t add column a int not null default 1");
    assert_eq!(found[0].changes[0].kind, ColumnChangeKind::Add { not_null: true, filled: true });
}
