//! Files that are streamed are read as those that are held, wherever blocks and windows end.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{self, Read};
use std::path::Path;

use dunlin_sql::{Fragment, Headers, Piece, Pieces, Placed, Position, Problem, Scan, Sizes, Source, StreamError};

/// Texts that are hard to cut.
const TRICKY: &[&str] = &[
    "",
    ";",
    "select 1",
    "-- only a comment",
    "begin;\nselect 1;\ncommit;\n-- behind\n",
    "begin isolation level serializable; set transaction read only; select 1; end",
    "set transaction isolation level repeatable read;\nset transaction deferrable; select 1",
    "begin;\nselect 1;\ncommit;\nselect 2;",
    "begin;\nset transaction read only;\nselect 1;",
    "begin;",
    "begin; commit;",
    "start transaction; select 1; commit and chain; select 2; abort; commit;",
    "select 1;\nset transaction read only;\nrollback to x; rollback; prepare transaction 'x';",
    "select $tag$ ; $ta $tag$ ; select $$;$$; select 'a''b;' ; select E'\\';' -- x\n ';\\'';",
    "select E'a'\n'b\\';c'; select U&'d;\\0061'; /* ; /* ; */ ' */ select \"a;\"\"b\";",
    "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3;",
    "create rule r as on insert to t do also (select 1; select 2); select 3;",
    "copy t from stdin;\n1\ta\n\\.\nselect 2;\ncopy u (a, b) from stdin with (format csv); -- x\n\\.x\n x\\.\n\\.\n",
    "copy t from stdin;\n\\.\n\\.\n",
    "copy t from stdin;\n\\.",
    "copy t from stdin;\n1\n\\. \n",
    "copy t from stdin",
    "copy t from stdin;\n1\n",
    "copy t from stdin; select 1;\n\\.\n",
    "copy t to stdout; copy (select 1) to stdout;",
    "-- dunlin: depends a/b, c/d\n-- Service: x\nselect 1; -- dunlin: phase contract\n  -- dunlin: dpends y\nselect 2",
    "-- Dependencies:\n--   - a\n--   - b/c\n\n-- dunlin: lock_timeout 2s\nselect 1;\n-- Service: late\n-- dunlin: allow nothing because x",
    "select 'größe', 'a\u{1F600}b'; select 'x\u{fffd}';",
    "select 1;\n\\i other.sql\nselect 2;",
    "select 1; \u{feff} select 2;",
    "select (1;\nselect 2;",
    "select 1;\nselect 'open;\n",
    "select 1; select /* open",
    "select 1; select $x$ open $y$",
    "select 1;;;; ; select 2;;",
    "create procedure p() language plpgsql as $$ begin commit; end $$; call p();",
    "select a\rb;\rselect 2;",
];

/// Reads a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

fn sizes() -> Vec<Sizes> {
    let with = |(block, window)| Sizes { block, window, ..Sizes::default() };
    [(32, 16), (33, 1), (64, 64), (1 << 20, 1 << 20)].map(with).into()
}

fn check(bytes: &[u8]) {
    for sizes in sizes() {
        let name = format!("{sizes:?} of {:?}", String::from_utf8_lossy(bytes));
        let scanned = Scan::read(Slow(bytes, sizes.block - 5), sizes);
        match (Source::read(bytes), scanned) {
            (Err(held), Err(StreamError::Unfit(streamed))) => assert_eq!(streamed, held, "{name}"),
            (Ok(held), Ok(streamed)) => {
                let apart = |it: &Problem| it.message.ends_with("a file as large as this runs as one");
                let (apart, problems): (Vec<_>, Vec<_>) = streamed.problems.iter().cloned().partition(apart);
                assert_eq!(problems, held.problems(), "{name}");
                assert_eq!(told(&streamed.headers, |at| streamed.excerpt.position(at)), headers(&held), "{name}");
                if problems.is_empty() {
                    assert_eq!(streamed.digests, held.digests(), "{name}");
                    assert_eq!(streamed.statements, held.statements().len() as u64, "{name}");
                    let modes = |it: &dunlin_sql::TransactionModes| (it.isolation, it.read_only, it.deferrable);
                    assert_eq!(streamed.modes.as_ref().map(modes), held.script().modes.as_ref().map(modes), "{name}");
                }
                if problems.is_empty() && apart.is_empty() {
                    let pieces = Pieces::new(bytes, sizes, streamed.marks).collect::<Result<Vec<_>, _>>();
                    assert_eq!(from_pieces(&pieces.unwrap()), from_source(&held), "{name}");
                }
            }
            (held, streamed) => panic!("{name}: {held:?}, {streamed:?}"),
        }
    }
}

/// Each statement with its place and its data.
type Statements = Vec<(String, Position, Option<String>)>;

fn from_source(source: &Source) -> Statements {
    let text = source.text();
    let each = source.statements().iter().map(|it| {
        let data = it.copy_data.clone().map(|data| text[data].to_owned());
        (text[it.range.clone()].to_owned(), source.lines().position(text, it.range.start), data)
    });
    each.collect()
}

fn from_pieces(pieces: &[Piece]) -> Statements {
    let mut found: Statements = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Statements(fragment) => {
                let mut ends = fragment.statements[1..].to_vec();
                ends.push(fragment.range.end);
                for (start, end) in fragment.statements.iter().zip(ends) {
                    let whole = &fragment.text[*start..end];
                    let script = dunlin_sql::split(whole).unwrap();
                    let [only] = script.statements.as_slice() else { panic!("one statement in {whole:?}") };
                    found.push((whole[only.range.clone()].to_owned(), position(fragment, *start), None));
                }
            }
            Piece::Copy(fragment) => {
                let text = fragment.text[fragment.range.clone()].to_owned();
                found.push((text, position(fragment, fragment.range.start), Some(String::new())));
            }
            Piece::Data(data) => found.last_mut().unwrap().2.as_mut().unwrap().push_str(data),
            Piece::EndOfData => assert!(found.last().unwrap().2.is_some()),
        }
    }
    found
}

fn position(fragment: &Fragment, offset: usize) -> Position {
    let before = &fragment.text[..offset];
    let line = before.rsplit('\n').next().unwrap();
    let first = if line.len() == before.len() { fragment.column } else { 0 };
    Position { line: fragment.line + before.matches('\n').count(), column: first + line.chars().count() + 1 }
}

fn headers(source: &Source) -> Vec<String> {
    told(source.headers(), |at| source.lines().position(source.text(), at))
}

fn told(headers: &Headers, place: impl Fn(usize) -> Position) -> Vec<String> {
    let show = |it: &Placed<String>| format!("{} at {}", it.value, place(it.range.start));
    let names = headers.dependencies.iter().chain(&headers.depends).chain(&headers.service).map(show);
    let phase = headers.phase.iter().map(|it| format!("{:?} at {}", it.value, place(it.range.start)));
    let timeout = headers.lock_timeout.iter().map(|it| format!("{:?} at {}", it.value, place(it.range.start)));
    names.chain(phase).chain(timeout).collect()
}

#[test]
fn tricky_texts_are_read_the_same() {
    for text in TRICKY {
        check(text.as_bytes());
        check(format!("\u{feff}{}", text.replace('\n', "\r\n")).as_bytes());
        for (end, _) in text.char_indices() {
            check(&text.as_bytes()[..end]);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_the_same() {
    let long = "select 'größe';\r\n".repeat(5);
    for bad in [b"\0".as_slice(), b"\xFF", b"\xC3", b"\xF0\x9F\x98", b"\r\0\xFF"] {
        for start in 0..40 {
            let (before, after) = (&long.as_bytes()[..start], &long.as_bytes()[start..]);
            check(&[before, bad, after].concat());
            check(&[b"\xEF\xBB\xBF", before, bad].concat());
            check(&[b"select 'open;", before, bad].concat());
        }
    }
    check(b"\xFF\xFEs\0");
    check(&"select 1;".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
}

#[test]
fn the_example_fleet_is_read_the_same() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations"), &mut files);
    assert!(files.len() > 100, "{} files", files.len());
    files.iter().for_each(|bytes| check(bytes));
}

fn collect(directory: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(std::fs::read(path).unwrap());
        }
    }
}

#[test]
fn not_one_changed_byte_is_handed_out() {
    let sizes = Sizes { block: 64, window: 64, ..Sizes::default() };
    let planned: Vec<u8> = (0..200).flat_map(|n| format!("insert into t values ({n});\n").into_bytes()).collect();
    let marks = Scan::read(planned.as_slice(), sizes).unwrap().marks;
    let mut longer = planned.clone();
    longer.push(b'\n');
    let cut = |end: usize| planned[..end].to_vec();
    let mut changed = vec![longer, cut(planned.len() - 1), cut(640), cut(0)];
    changed.extend((0..planned.len()).step_by(61).map(|at| {
        let mut bytes = planned.clone();
        bytes[at] ^= 1;
        bytes
    }));
    for bytes in changed {
        let mut text = String::new();
        let mut pieces = Pieces::new(bytes.as_slice(), sizes, marks.clone());
        let error = loop {
            match pieces.next().expect("an error comes before the end") {
                Ok(Piece::Statements(fragment)) => text.push_str(&fragment.text[fragment.range]),
                Ok(piece) => panic!("{piece:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StreamError::Changed), "{error}");
        assert!(pieces.next().is_none());
        let planned = String::from_utf8(planned.clone()).unwrap().replace('\n', "");
        assert!(planned.starts_with(&text.replace('\n', "")), "{text}");
    }
}

#[test]
fn the_longest_statement_is_limited() {
    let sizes = Sizes { block: 64, window: 64, statement: 1 << 20 };
    let rows = "(1, 'one'),\n".repeat(200_000);
    let refused = |text: String| match Scan::read(text.as_bytes(), sizes) {
        Err(StreamError::Unfit(problem)) => format!(
            "{} at {}: {} | {}",
            problem.message,
            problem.position,
            problem.line,
            problem.hint.unwrap_or_default()
        ),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(format!("select 1;\n  insert into t values\n{rows}(2, 'two');")),
        "the statement that begins here is longer than 1 MiB at 2:3:   insert into t values | use COPY … FROM STDIN for data, or several statements"
    );
    assert_eq!(
        refused(format!("select 1;\nselect 'open;\n{}", rows.replace('\'', ""))),
        "the statement that begins here is longer than 1 MiB at 2:1: select 'open; | use COPY … FROM STDIN for data, or several statements; what opens at 2:8 is not closed within it"
    );
    let copied = format!("copy t from stdin;\n{}\n\\.\n", "x".repeat(3 << 20));
    assert_eq!(Scan::read(copied.as_bytes(), sizes).unwrap().statements, 1);
}

#[test]
fn what_cannot_run_in_a_transaction_is_refused() {
    let text = "select 1;\nVACUUM  FULL t;\ncreate index concurrently i on t (a);\ncall refresh_continuous_aggregate('a', null, null);";
    let problems = Scan::read(text.as_bytes(), Sizes::default()).unwrap().problems;
    let told: Vec<_> = problems.iter().map(|it| format!("{} {}", it.position, it.message)).collect();
    assert_eq!(
        told,
        [
            "2:1 `VACUUM FULL t` cannot run in a transaction, and a file as large as this runs as one",
            "3:1 `create index concurrently` cannot run in a transaction, and a file as large as this runs as one",
            "4:1 `call refresh_continuous_aggregate` cannot run in a transaction, and a file as large as this runs as one",
        ]
    );
}

#[test]
fn a_file_that_is_all_wrong_is_read_as_fast_as_any() {
    let wrong = ["commit;\n", "commit;", "-- dunlin: bogus\nselect 1;\n", "vacuum;\n", "begin;\n", "(", "\\x\n"];
    for wrong in wrong {
        let text = wrong.repeat((4 << 20) / wrong.len());
        let since = std::time::Instant::now();
        let problems = match Scan::read(text.as_bytes(), Sizes::default()) {
            Ok(scan) => scan.problems.len(),
            Err(StreamError::Unfit(_)) => 1,
            Err(error) => panic!("{error}"),
        };
        assert!(problems > 0, "{wrong:?}");
        assert!(since.elapsed().as_secs() < 30, "{wrong:?} took {:?}", since.elapsed());
    }
}
