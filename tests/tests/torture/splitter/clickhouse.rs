//! Where ClickHouse's statements end, by its engine's own word.
//!
//! Its parser takes one statement, and says of a second where the first has ended. The older server must take, or refuse for
//! what they mean, the same statements one by one: none of them may be several to it.

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, install};
use dunlin_sql::{Dialect, Source};
use dunlin_tests::home;
use regex::Regex;

use super::trials::catching;
use crate::simulation::random::Random;
use crate::tally::{Tally, Verdict, WORKERS, share, skip};

const QUICK: usize = 600;
const FULL: usize = 60_000;

/// Statements with whatever may hide a semicolon.
const STATEMENTS: &[&str] = &[
    "SELECT 'a;b'",
    "SELECT 'it''s;'",
    "SELECT 'x\\';y'",
    "SELECT `a;b` FROM t",
    "SELECT `a``;` FROM t",
    "SELECT \"a\\\";\" FROM t",
    "SELECT $$;$$",
    "SELECT $t$ ; $$ $t$",
    "SELECT /* ; /* ; */ ; */ 1",
    "SELECT 1 -- ;\n",
    "SELECT 1 # ;\n",
    "SELECT 1 #! ;\n",
    "SELECT 1 // ;\n",
    "SELECT ‘;’",
    "SELECT 1e-5, 0x1p-2",
    "SELECT 1.5e-1, .5e+1, t.1, 1_0, 0b1, 0x1F.8",
    "SELECT (1, ';'), [1][1]",
    "SELECT 1 AS a$b",
    "SELECT 1 FORMAT CSV",
    "SELECT 'é;漢'",
    "CREATE TABLE t (a Int32 DEFAULT 1, b String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY a",
    "ALTER TABLE t ADD COLUMN c Map(String, String)",
    "DROP TABLE t",
];

/// What makes trouble where it does not belong.
const TROUBLE: &[&str] = &[
    ";", ";;", " ", "\n", "'", "''", "\\'", "\\", "`", "\"", "$", "$$", "$a$", "/*", "*/", "--", "//", "#", "# ", "#!",
    "(", ")", "‘", "’", "“", "”", "a", "1", "e-", "e", "0x", "_", ".", "]", "\u{a0}", "−", "é",
];

const WHAT: &str = "splitter against the server";
const TEXTS: &str = "texts of ClickHouse";

#[test]
fn statements_end_where_the_engine_of_clickhouse_ends_them() {
    let engine = match install(&home(), Flavour::Chdb, &|_| ()) {
        Ok(_) => start(Flavour::Chdb),
        Err(error) => {
            println!("skipped: the engine of ClickHouse today, for {error}");
            return skip(WHAT, TEXTS);
        }
    };
    let place = Regex::new(r"Multi-statements are not allowed\): failed at position (\d+)").unwrap();
    let tally = Tally::new(WHAT, TEXTS);
    let seeds = (0..share(QUICK, FULL) as u64).collect();
    tally.each(WORKERS, seeds, |seed| {
        let text = script(&mut Random(*seed));
        match catching(|| compare(&engine, &place, &text)) {
            Ok(()) => Verdict::Recovered,
            Err(what) => Verdict::Wrong(format!("seed {seed}: {what}\n{text:?}")),
        }
    });
    tally.end();
}

#[test]
fn an_old_server_takes_each_statement_for_one() {
    let server = start(Flavour::ClickHouse);
    let tally = Tally::new(WHAT, "statements of an old ClickHouse");
    let seeds = (0..share(QUICK, FULL) as u64).collect();
    tally.each(WORKERS, seeds, |seed| {
        let text = script(&mut Random(*seed));
        let Ok(source) = Source::read_as(text.as_bytes(), Dialect::ClickHouse) else { return Verdict::Recovered };
        for statement in source.statements() {
            let statement = &text[statement.range.clone()];
            // It ends a comment in a comment elsewhere, and then finds more than one by its own reading; it runs neither.
            let older = statement.contains("/*") || statement.contains('#') || !statement.is_ascii();
            match server.query("default", statement) {
                Err(DevdbError::Refused { output }) if !older && output.contains("Multi-statements") => {
                    return Verdict::Wrong(format!("seed {seed}: {output}\n{statement:?}"));
                }
                _ => {}
            }
        }
        Verdict::Recovered
    });
    tally.end();
}

fn start(flavour: Flavour) -> Cluster {
    Cluster::start(&ClusterSpec::temporary(home(), flavour), &|_| ()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn script(random: &mut Random) -> String {
    let count = 1 + random.below(3);
    let mut text = String::new();
    for _ in 0..count {
        text.push_str(random.one_of(STATEMENTS));
        text.push_str(random.one_of(&[";", ";\n", "; ", ";-- x\n", ";;"]));
    }
    for _ in 0..random.below(4) {
        let at = text.floor_char_boundary(random.below(text.len() + 1));
        if random.percent(50) {
            text.insert_str(at, random.one_of(TROUBLE));
        } else {
            let end = text.ceil_char_boundary((at + 1 + random.below(3)).min(text.len()));
            text.replace_range(at..end, "");
        }
    }
    text
}

fn compare(engine: &Cluster, place: &Regex, text: &str) -> Result<(), String> {
    let ours = Source::read_as(text.as_bytes(), Dialect::ClickHouse);
    let literal = text.replace('\\', "\\\\").replace('\'', "\\'");
    let theirs = match engine.query("", &format!("SELECT formatQuery('{literal}') FORMAT Null")) {
        Ok(_) => match &ours {
            Ok(source) if source.statements().len() == 1 => return Ok(()),
            Ok(source) => return Err(format!("one statement, and not {}", source.statements().len())),
            Err(problem) => return Err(format!("one statement, and not: {}", problem.message)),
        },
        Err(DevdbError::Refused { output }) => output,
        Err(other) => return Err(format!("{other:?}")),
    };
    // What it refuses for another reason tells nothing; nor does a script whose end we refuse.
    let (Some(found), Ok(source)) = (place.captures(&theirs), ours) else { return Ok(()) };
    let end: usize = found[1].parse().map_err(|error| format!("{error}"))?;
    let statements = source.statements();
    match statements.first() {
        Some(first) if first.end == end && statements.len() > 1 => Ok(()),
        _ => Err(format!("the first statement ends at {end}, and not as in {statements:?}")),
    }
}
