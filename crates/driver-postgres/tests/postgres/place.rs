//! Where an error is said to be.

use std::sync::Arc;

use dunlin_driver::{Bench, StepText};
use dunlin_planner::Copy;

use crate::support::{Fresh, raw};

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_line_and_column_in_the_file() {
    let bench = Bench::new("places", Box::new(Fresh::new()));
    bench.bootstrap().await;
    for (text, place, line) in [
        ("SELECT nowhere", "1:8", "SELECT nowhere"),
        ("-- größer 🦆\nSELECT 'ä', 'ö',\n  'ü', nowhere;\n", "3:8", "  'ü', nowhere;"),
        ("SELECT 1;\n\nSELECT\n  1/0;\n", "3:1", "SELECT"),
        ("CREATE TABLE ä (ü int);\nCREATE TABLE b (x nowhere);\n", "2:19", "CREATE TABLE b (x nowhere);"),
        ("SELECT 'open", "1:8", "SELECT 'open"),
    ] {
        let failure = bench.apply(&raw("a/1", text)).await.expect_err("it is wrong");
        let found = failure.place.clone().unwrap_or_else(|| panic!("{text}: {failure:?}"));
        assert_eq!(format!("{}:{}", found.line, found.column), place, "{text}: {failure:?}");
        assert_eq!((&*found.text, &*found.file), (line, "migrations/a/1.sql"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_function_tells_the_query_and_the_line() {
    let bench = Bench::new("context", Box::new(Fresh::new()));
    bench.bootstrap().await;
    let text = "SELECT 1;\nDO $$ BEGIN\n  PERFORM nowhere FROM pg_class;\nEND $$;\n";
    let failure = bench.apply(&raw("a/1", text)).await.expect_err("it is wrong");
    let context = failure.context.unwrap_or_default();
    assert!(context.contains("in the query: SELECT nowhere FROM pg_class"), "{context}");
    assert!(context.contains("inline_code_block line 2"), "{context}");
    assert_eq!(failure.place.map(|place| place.line), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_and_copied_data_run_in_one_transaction() {
    let fresh = Fresh::new();
    let bench = Bench::new("large", Box::new(fresh.clone()));
    bench.bootstrap().await;
    let insert = format!("INSERT INTO one VALUES (repeat('x', 10), '{}');\n", "y".repeat(100_000));
    let mut text = "CREATE TABLE one (a text, b text);\n".to_owned();
    (0..30).for_each(|_| text.push_str(&insert));
    assert_eq!(bench.apply(&raw("a/1", &text)).await, Ok(true));
    let wrong = format!("{text}SELECT 1/0;\n").replace("one", "two");
    let failure = bench.apply(&raw("a/2", &wrong)).await.expect_err("it divides by zero");
    assert_eq!(failure.place.map(|place| place.line), Some(32));
    let step = copying("a/3", "a\tb\nc\t\\N\n", "CREATE TABLE three (id int);\n");
    assert_eq!(bench.apply(&step).await, Ok(true));
    assert_eq!(
        fresh.psql("SELECT count(*), to_regclass('two') IS NULL, to_regclass('three') IS NULL FROM one").trim(),
        "32|t|f"
    );
    let broken = copying("a/4", "a\tb\tc\n", "");
    let failure = bench.apply(&broken).await.expect_err("there are too many columns");
    assert_eq!(failure.sqlstate.as_deref(), Some("22P04"), "{failure:?}");
    assert_eq!(bench.row(&broken).await, None);
}

/// A step of a COPY with its data, and what follows.
fn copying(id: &str, data: &str, rest: &str) -> StepText {
    const COPY: &str = "COPY one FROM STDIN;\n";
    let mut step = raw(id, &format!("{COPY}{}{rest}", " ".repeat(data.len() + 3)));
    step.step.body.statements[0].copy = Some(Copy { data: COPY.len()..COPY.len() + data.len() });
    step.text = Arc::from(format!("{COPY}{data}\\.\n{rest}"));
    step
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_byte_is_refused_and_nothing_is_applied() {
    let bench = Bench::new("nul", Box::new(Fresh::new()));
    bench.bootstrap().await;
    let step = raw("a/1", "CREATE TABLE one (id int);\nSELECT '\0';\n");
    let failure = bench.apply(&step).await.expect_err("servers take no NUL");
    assert_eq!(failure.class, dunlin_planner::FailureClass::Rejected, "{failure:?}");
    assert_eq!(failure.place.map(|place| (place.line, place.column)), Some((2, 9)));
    assert_eq!((bench.row(&step).await, bench.objects().await.len()), (None, 0));
}
