//! Files larger than memory is meant to hold, and what memory a run takes with them.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::command::Outcome;
use crate::running::Running;
use crate::server::Scratch;

/// How the rows of a large file are written.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// An INSERT for every twenty.
    Inserted,
    /// One COPY for all.
    Copied,
}

/// Writes a file that makes `rows` of at least `bytes` bytes, and nothing else: lines are statements, or rows of the COPY
/// that begins in line 2. Returns how many rows there are.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn write_large(path: &Path, rows: Rows, bytes: u64) -> u64 {
    let mut file = BufWriter::new(fs::File::create(path).expect("a file can be made"));
    let (mut written, mut number) = (0, 0);
    let mut line = |text: String| {
        writeln!(file, "{text}").expect("a file can be written");
        text.len() as u64 + 1
    };
    line("CREATE TABLE rows (number bigint, word text);".to_owned());
    if let Rows::Copied = rows {
        line("COPY rows FROM STDIN;".to_owned());
    }
    while written < bytes {
        written += line(match rows {
            Rows::Inserted => {
                let each: Vec<_> = (number..number + 20).map(|n| format!("({n}, 'the word of it''s {n}')")).collect();
                format!("INSERT INTO rows VALUES {};", each.join(", "))
            }
            Rows::Copied => format!("{number}\tthe word of {number}, which is the longest of all words"),
        });
        number += if let Rows::Inserted = rows { 20 } else { 1 };
    }
    if let Rows::Copied = rows {
        line("\\.".to_owned());
    }
    number
}

/// The most memory that a run took.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    /// Bytes of Dunlin's own process, as the system counts its resident set at most.
    pub dunlin: u64,
    /// Bytes that a backend of the database had for itself at most, when it was looked at: what it shares is left out,
    /// since pages of the server's buffers count for every process that has touched them.
    pub backend: u64,
}

/// Waits for the end of a run and looks at its memory and that of its backends, again and again.
#[must_use]
pub fn peaks(run: Running, database: &Scratch<'_>) -> (Outcome, Peaks) {
    let pid = run.pid().as_raw();
    let backend = AtomicU64::new(0);
    let dunlin = AtomicU64::new(0);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            let (mut backends, mut asked) = (BTreeSet::new(), None::<Instant>);
            while let Some(peak) = memory(pid, "VmHWM:") {
                dunlin.fetch_max(peak, Ordering::Relaxed);
                if asked.is_none_or(|asked| asked.elapsed() > Duration::from_millis(200)) {
                    let query = "SELECT pid FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
                    backends = database.sql(query).lines().filter_map(|pid| pid.parse().ok()).collect();
                    asked = Some(Instant::now());
                }
                let own = backends.iter().filter_map(|pid| memory(*pid, "RssAnon:")).max();
                backend.fetch_max(own.unwrap_or_default(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        run.finish()
    });
    (outcome, Peaks { dunlin: dunlin.into_inner(), backend: backend.into_inner() })
}

/// A line of what the system says about a process, in bytes; none once it is over.
fn memory(pid: i32, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib: u64 = status.lines().find_map(|it| it.strip_prefix(line))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
