//! Migration files.

use std::sync::OnceLock;

use dunlin_sql::{Dialect, LintContext, Problem, Source};

use super::changes::changed;
use crate::simulation::random::Random;
use crate::splitter::corpus::Corpus;
use crate::splitter::trials::catching;

/// Headers in every form, above each text.
const HEADERS: &[&str] = &[
    "",
    "-- dunlin: depends auth/20240101_001, b/2\n-- dunlin: phase contract\n-- dunlin: lock_timeout 2s\n",
    "-- dunlin: no-transaction\n-- dunlin: allow drop-table because it is empty\n-- dunlin: probe select true\n",
    "-- dunlin: batch t(id) 1000 pause 10ms\n-- dunlin: service auth\n",
    "-- Service: auth\n-- Dependencies: a/1, b/2\n-- Description: x\n",
    "/*\n * Dependencies:\n *   - a/1\n */\n-- Dependencies:\n--   - a\n--   - b/c\n",
];

pub(crate) fn trial(random: &mut Random) -> Result<(), String> {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    let corpus = CORPUS.get_or_init(Corpus::read);
    let text = format!("{}{}", random.one_of(HEADERS), corpus.one(random));
    let others = [corpus.one(random).into(), random.one_of(HEADERS).into()];
    let bytes = changed(random, text.as_bytes(), &others);
    let dialect = if random.percent(75) { Dialect::Postgres } else { Dialect::ClickHouse };
    catching(|| judge(&bytes, dialect)).map_err(|what| format!("{what}\n{:?}", String::from_utf8_lossy(&bytes)))
}

fn judge(bytes: &[u8], dialect: Dialect) -> Result<(), String> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let placed = |problem: &Problem| match problem.position.line {
        line if (1..=lines).contains(&line) && problem.position.column > 0 => Ok(()),
        line => Err(format!("line {line} of {lines}: {problem:?}")),
    };
    let source = match Source::read_as(bytes, dialect) {
        Ok(source) => source,
        Err(problem) => return placed(&problem),
    };
    source.problems().iter().try_for_each(placed)?;
    let text = source.text();
    if source.executable().len() != text.len() {
        return Err("what runs is not as long as the text".to_owned());
    }
    for violation in source.lint(&LintContext::default()) {
        text.get(violation.range.clone()).ok_or_else(|| format!("no range of the text: {violation:?}"))?;
    }
    // The text that was read has the digests of the bytes it was read from, but for marks and line ends.
    let again = Source::read_as(text.as_bytes(), dialect).map_err(|problem| format!("not read again: {problem:?}"))?;
    let (first, second) = (source.digests(), again.digests());
    if (first.body, first.tokens) == (second.body, second.tokens) { Ok(()) } else { Err("digests differ".to_owned()) }
}
