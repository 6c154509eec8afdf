//! Files that are streamed: one transaction, little memory, and nothing of a file that is not the one that was planned.

#![expect(clippy::unwrap_used, reason = "only tests call this")]

use std::io::{Seek, SeekFrom, Write};

use dunlin_tests::{Dunlin, Rows, Scratch, Server, Workspace, peaks, wait_until, write_large};
use fs_err as fs;
use nix::sys::signal::Signal;

const FILE: &str = "migrations/app/001_rows.sql";
const MIB: u64 = 1 << 20;

/// A project with one large file, and its rows.
fn large(database: &str, rows: Rows, bytes: u64) -> (Workspace, Dunlin, u64) {
    let files = Workspace::small(database);
    fs::create_dir(files.path("migrations/app")).unwrap();
    let written = write_large(&files.path(FILE), rows, bytes);
    let dunlin = Dunlin::at(files.dir());
    (files, dunlin, written)
}

/// Puts `text`, with blanks up to `before`'s length, in the place of `before`, which is at the start of line `line`.
fn overwrite(files: &Workspace, line: usize, before: &str, text: &str) {
    let content = fs::read_to_string(files.path(FILE)).unwrap();
    let start: usize = content.split_inclusive('\n').take(line - 1).map(str::len).sum();
    assert!(content[start..].starts_with(before), "line {line} is {:?}", &content[start..start + 40]);
    let mut file = fs::OpenOptions::new().write(true).open(files.path(FILE)).unwrap();
    file.seek(SeekFrom::Start(start as u64)).unwrap();
    write!(file, "{text:<width$}", width = before.len()).unwrap();
}

/// Nothing is there, and no row says that anything is.
fn nothing(database: &Scratch<'_>) {
    assert_eq!(database.sql("SELECT to_regclass('rows') IS NULL, count(*) FROM dunlin.ledger"), "t|0");
}

fn count(database: &Scratch<'_>) -> u64 {
    database.sql("SELECT count(*) FROM rows").parse().unwrap()
}

#[test]
fn large_files_take_little_memory() {
    for (rows, mib) in [(Rows::Inserted, 24), (Rows::Copied, 96)] {
        let server = Server::shared();
        let database = server.scratch();
        let (_files, dunlin, written) = large(&database.url(), rows, mib * MIB);
        let plan = dunlin.run("plan").exits(0).stdout;
        assert!(plan.contains(&format!("{mib}.")) && plan.contains(" MiB, streamed"), "{plan}");
        let (run, peaks) = peaks(dunlin.start("up --yes"), &database);
        let _ = run.exits(0);
        println!("{mib} MiB {rows:?}: {peaks:?}");
        assert!(peaks.dunlin < 200 * MIB, "{peaks:?}");
        assert!((MIB..64 * MIB).contains(&peaks.backend), "{peaks:?}");
        assert_eq!(count(&database), written);
        let explained = dunlin.run("explain app/001").exits(0).stdout;
        assert!(explained.contains(" in one transaction") && explained.contains("streamed"), "{explained}");
        let again = dunlin.run("up --yes").exits(0).stdout;
        assert!(again.contains("nothing to do: 1 migration applied"), "{again}");
    }
}

#[test]
fn an_error_in_the_middle_is_shown_at_its_line_and_leaves_nothing() {
    let insert = "INSERT INTO rows VALUES (";
    let wrong = [
        ("INSERT INTO rows VALEUS (", 1, "001_rows.sql:5000:18"),
        ("SELECT 1/0;--", 1, "001_rows.sql:5000:1"),
        ("COMMIT;--", 2, "001_rows.sql:5000:1"),
    ];
    let server = Server::shared();
    for (text, code, place) in wrong {
        let database = server.scratch();
        let (files, dunlin, _) = large(&database.url(), Rows::Inserted, 10 * MIB);
        overwrite(&files, 5000, insert, text);
        let run = dunlin.run("up --yes").exits(code);
        let said = run.stdout + &run.stderr;
        assert!(said.contains(place), "{place}: {said}");
        assert_eq!(database.sql("SELECT to_regclass('rows') IS NULL"), "t");
    }
    let database = server.scratch();
    let (files, dunlin, written) = large(&database.url(), Rows::Copied, 10 * MIB);
    overwrite(&files, 5000, "4997\t", "x");
    let run = dunlin.run("up --yes").exits(1);
    let said = run.stdout + &run.stderr;
    assert!(said.contains("001_rows.sql:2:1") && said.contains("COPY rows, line 4998"), "{said}");
    nothing(&database);
    overwrite(&files, 5000, "x    ", "4997\t");
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(count(&database), written);
}

#[test]
fn a_file_that_changes_under_a_run_is_not_committed() {
    let server = Server::shared();
    let database = server.scratch();
    let (files, dunlin, written) = large(&database.url(), Rows::Inserted, 24 * MIB);
    let create = "CREATE TABLE rows (number bigint, word text);";
    let slow = "CREATE TABLE rows(number int8,word text);SELECT pg_sleep(5);";
    files.replace(FILE, create, slow);
    let mut run = dunlin.start("up --yes");
    assert!(run.reach("step-started", 1));
    // What comes behind the last piece that was read by now.
    overwrite(&files, 20_000, "INSERT INTO rows VALUES", "DELETE  FROM rows; --");
    let said = run.finish().exits(4);
    let said = said.stdout + &said.stderr;
    assert!(said.contains("is no longer what was planned") && said.contains("plan again"), "{said}");
    nothing(&database);
    overwrite(&files, 20_000, "DELETE  FROM rows; --  ", "INSERT INTO rows VALUES");
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(count(&database), written);
}

#[test]
fn a_run_that_ends_in_the_middle_leaves_nothing_and_can_be_repeated() {
    for rows in [Rows::Inserted, Rows::Copied] {
        ends_with(Signal::SIGKILL, rows, None);
        ends_with(Signal::SIGTERM, rows, Some(75));
    }
}

/// A signal hits a run that sends rows, each of which takes its time.
fn ends_with(signal: Signal, rows: Rows, code: Option<i32>) {
    let server = Server::shared();
    let database = server.scratch();
    let (files, dunlin, written) = large(&database.url(), rows, 10 * MIB);
    let (quick, slow) = ("word text);", "word text, CHECK (pg_sleep(0.001)::text IS NOT NULL));");
    files.replace(FILE, quick, slow);
    let mut run = dunlin.start("up --yes");
    assert!(run.reach("step-started", 1));
    let word = if let Rows::Inserted = rows { "INSERT INTO rows" } else { "COPY rows" };
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%{word}%'"
    );
    wait_until("the rows are on their way", || database.sql(&query) == "1");
    run.signal(signal);
    let ended = run.finish();
    assert_eq!(ended.code, code, "{signal} {rows:?}: {}", ended.stderr);
    nothing(&database);
    files.replace(FILE, slow, quick);
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(count(&database), written, "{signal} {rows:?}");
}

#[test]
fn a_pooler_does_not_matter() {
    let server = Server::shared();
    let database = server.scratch();
    let pooler = server.pooler(2);
    for (rows, undo) in [(Rows::Inserted, true), (Rows::Copied, false)] {
        let (_files, dunlin, written) = large(&pooler.url(database.name()), rows, 10 * MIB);
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(count(&database), written);
        if undo {
            let _ = database.sql("DROP TABLE rows; DELETE FROM dunlin.ledger");
        }
    }
}
