//! An index build that runs out of room: what is left of it goes, the server's words are told, and with more room the same
//! run ends well.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use dunlin_tests::{Dunlin, Outcome, Scratch, Server, Workspace};

const FILE: &str = "migrations/app/001_index.sql";

/// The index of this takes more than 20 MB.
const ROWS: &str = "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 4) AS pad FROM generate_series(1, 120000) AS n";

fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stderr, outcome.stdout)
}

/// Fails with the server's words, leaves nothing, and ends well when `more` room was made.
fn check(database: &Scratch<'_>, statement: &str, words: &[&str], more: impl Fn()) {
    let files = Workspace::small(&database.url());
    files.write(FILE, &format!("{statement};\n"));
    let dunlin = Dunlin::at(files.dir());
    let failed = said(&dunlin.run("up --yes").exits(1));
    assert!(words.iter().all(|word| failed.contains(word)), "{failed}");
    assert_eq!(database.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), "0", "{failed}");
    more();
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_pad'::regclass"), "t");
    assert_eq!(database.sql("SELECT state || ' ' || attempt FROM dunlin.ledger"), "applied 2");
}

#[test]
fn an_index_build_that_needs_more_temporary_files_than_it_may_have() {
    let server = Server::shared();
    let database = server.scratch();
    let _ = database.sql(ROWS);
    let set = |what: &str| drop(server.sql("postgres", &format!("ALTER DATABASE {} {what}", database.name())));
    set("SET maintenance_work_mem = '1MB'");
    set("SET max_parallel_maintenance_workers = 0");
    set("SET temp_file_limit = '1MB'");
    for kind in ["", "UNIQUE "] {
        let statement = format!("CREATE {kind}INDEX CONCURRENTLY t_pad ON t (pad)");
        set("SET temp_file_limit = '1MB'");
        check(&database, &statement, &["53400", "temporary file size exceeds"], || set("RESET temp_file_limit"));
        let _ = database.sql("DROP INDEX t_pad; DROP SCHEMA dunlin CASCADE");
    }
}

/// A small file system in memory; it goes with the test.
struct Small {
    dir: PathBuf,
}

impl Small {
    /// Of eight megabytes, for the account that owns `data`; why not, where this machine does not let us.
    fn mount(data: &str) -> Result<Self, String> {
        let dir = std::env::temp_dir().join(format!("dunlin-full-{}", std::process::id()));
        let owner = fs_err::metadata(data).map_err(|error| error.to_string())?;
        fs_err::create_dir(&dir).map_err(|error| error.to_string())?;
        let small = Self { dir };
        run("mount", &["-t", "tmpfs", "-o", "size=8m", "none"], &small.dir)?;
        chown(&small.dir, Some(owner.uid()), Some(owner.gid())).map_err(|error| error.to_string())?;
        Ok(small)
    }

    fn grow(&self) {
        run("mount", &["-o", "remount,size=128m"], &self.dir).expect("it was mounted by us");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Nothing may be mounted, or the server may hold on to it.
        let _ = run("umount", &["--lazy"], &self.dir);
        let _ = fs_err::remove_dir(&self.dir);
    }
}

fn run(program: &str, words: &[&str], dir: &Path) -> Result<(), String> {
    let output = Command::new(program).args(words).arg(dir).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

#[test]
fn an_index_build_on_a_full_disk() {
    // A tablespace whose disk goes away would be in the way of others.
    let server = Server::own();
    let small = match Small::mount(&server.sql("postgres", "SHOW data_directory")) {
        Ok(small) => small,
        Err(why) => return println!("skipped: an_index_build_on_a_full_disk needs a file system of its own: {why}"),
    };
    let database = server.scratch();
    let _ = database.sql(&format!("CREATE TABLESPACE small LOCATION '{}'; {ROWS}", small.dir.display()));
    let words = ["53100", "No space left on device", "Check free disk space"];
    let statement = "CREATE INDEX CONCURRENTLY t_pad ON t (pad) TABLESPACE small";
    check(&database, statement, &words, || small.grow());
    let _ = database.sql("DROP INDEX t_pad; DROP TABLESPACE small");
}
