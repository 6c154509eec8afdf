//! Migration files: read with their headers and lint rules, or refused at a place that is there.

#![no_main]

use dunlin_sql::{Dialect, LintContext, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for dialect in [Dialect::Postgres, Dialect::ClickHouse] {
        let Ok(source) = Source::read_as(bytes, dialect) else { continue };
        assert_eq!(source.executable().len(), source.text().len());
        for violation in source.lint(&LintContext::default()) {
            assert!(source.text().get(violation.range).is_some());
        }
    }
});
