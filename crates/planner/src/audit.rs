//! Whether a log is still what was sealed, and whether a ledger's rows are what its log says.
//!
//! What this cannot tell is a log that somebody wrote anew from its first changed line on, seals and all, or whose end they
//! cut off: that shows against a head that was kept elsewhere, as the report of each run prints it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::chain::seal_hash;
use crate::{Class, Cover, Digest, Finding, LogLine, RowState, TargetName};

/// What matters of a row in a ledger, as it stands there or as a line of the log says that it left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Where it stands.
    pub state: RowState,
    /// SHA-256 of what ran.
    pub checksum: Digest,
    /// SHA-256 of the bare tokens of what ran.
    pub tokens: Digest,
    /// How often it was taken up.
    pub attempt: u32,
}

/// The key of a row: project and migration.
pub type LogKey = (String, String);

/// A log with the rows beside it, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// All its lines, in order.
    pub lines: Vec<LogLine>,
    /// All rows of the ledger, whichever project they belong to.
    pub rows: BTreeMap<LogKey, LogRow>,
}

/// What came of checking a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Where it is.
    pub target: TargetName,
    /// How many lines are covered by seals, without the seals themselves.
    pub sealed: usize,
    /// How many are not: of runs that go on or were killed, and of versions that did not seal.
    pub unsealed: usize,
    /// The hash of every seal, the last one at the end.
    #[serde(skip)]
    pub heads: Vec<Digest>,
    /// The hash of the last seal.
    pub head: Option<Digest>,
    /// Finished rows whose lines were written before lines said what they left.
    pub unexplained: usize,
    /// What is not as it was written; the first of it, with the number of others.
    pub findings: Vec<Finding>,
}

/// Words of lines that leave a row finished, also of versions that did not write down how.
const FINISHING: [&str; 3] = ["applied", "reverted", "repaired"];

/// Checks a log against its seals, and the ledger's rows against the log.
#[must_use]
pub fn audit(target: &TargetName, log: &Log) -> Audit {
    let mut seals = Seals::of(&log.lines);
    seals.walk(&log.lines);
    let (unexplained, rows) = rows(log);
    let is_sealed = |line: &&LogLine| seals.covered.contains(&line.seq);
    let (sealed, unsealed): (Vec<_>, Vec<_>) = log.lines.iter().filter(|line| line.hash.is_none()).partition(is_sealed);
    let mut findings = Vec::new();
    findings.extend(first(target, "log-changed", seals.broken.into_values().collect(), "line"));
    findings.extend(first(target, "row-changed", rows, "row"));
    Audit {
        target: target.clone(),
        sealed: sealed.len(),
        unsealed: unsealed.len(),
        head: seals.heads.last().copied(),
        heads: seals.heads,
        unexplained,
        findings,
    }
}

/// The first of what is wrong as a finding that counts the others.
fn first(target: &TargetName, code: &'static str, wrong: Vec<String>, noun: &str) -> Option<Finding> {
    let more = match wrong.len().saturating_sub(1) {
        0 => String::new(),
        1 => format!(", and 1 more {noun} is not as it was"),
        more => format!(", and {more} more {noun}s are not as they were"),
    };
    let first = wrong.into_iter().next()?;
    let finding = Finding::error(code, format!("in `{target}` {first}{more}")).class(Class::Drift);
    Some(
        finding.hint(
            "somebody changed the ledger by hand, or restored a part of it: find out who, and what else they did",
        ),
    )
}

/// What the seals of a log say.
#[derive(Default)]
struct Seals<'l> {
    by_seq: BTreeMap<u64, &'l LogLine>,
    covered: BTreeSet<u64>,
    /// What is wrong, by the line's number.
    broken: BTreeMap<u64, String>,
    heads: Vec<Digest>,
    /// Whether each seal follows the one before.
    is_linked: bool,
    last: Cover,
}

impl<'l> Seals<'l> {
    fn of(lines: &'l [LogLine]) -> Self {
        Self { by_seq: lines.iter().map(|line| (line.seq, line)).collect(), is_linked: true, ..Self::default() }
    }

    fn walk(&mut self, lines: &[LogLine]) {
        for line in lines {
            let Some(hash) = line.hash else { continue };
            if line.prev != self.heads.last().copied() {
                self.is_linked = false;
                self.broken.entry(line.seq).or_insert_with(|| {
                    format!("{} does not follow the seal before it: one is gone, or was put between", about(line))
                });
            }
            match &line.cover {
                Some(cover) => self.check(line, hash, cover),
                None => {
                    self.broken.insert(line.seq, format!("{} cannot be read any more", about(line)));
                }
            }
            self.heads.push(hash);
        }
        if !self.is_linked {
            // What the seal covered that is gone, nobody knows.
            return;
        }
        // A line that no seal has covered, with a number that was not open any more when one was made behind it.
        for line in lines.iter().filter(|line| line.hash.is_none() && line.seq <= self.last.through) {
            let open = self.last.open.iter().any(|(from, to)| (*from..=*to).contains(&line.seq));
            if !open && !self.covered.contains(&line.seq) {
                self.broken
                    .entry(line.seq)
                    .or_insert_with(|| format!("{} was put in after it was sealed there", about(line)));
            }
        }
    }

    fn check(&mut self, seal: &LogLine, hash: Digest, cover: &Cover) {
        let mut digests = Vec::new();
        let mut whole = true;
        for (seq, sum) in &cover.lines {
            self.covered.insert(*seq);
            let said = match self.by_seq.get(seq) {
                None => format!("line {seq} is gone, which the seal in line {} covers", seal.seq),
                Some(line) if line.digest().short() != *sum => {
                    format!("{} was changed after it was sealed", about(line))
                }
                Some(line) => {
                    digests.push((*seq, line.digest()));
                    continue;
                }
            };
            whole = false;
            self.broken.entry(*seq).or_insert(said);
        }
        if whole && seal_hash(seal.prev, &seal.stamp(), cover, &digests) != hash {
            self.broken
                .entry(seal.seq)
                .or_insert_with(|| format!("{} was changed, or a line that it covers", about(seal)));
        }
        self.last = cover.clone();
    }
}

/// A line, for people.
fn about(line: &LogLine) -> String {
    match &line.id {
        Some(id) => format!("line {} (`{}` of `{}` by `{}`)", line.seq, line.what, id, line.who),
        None => format!("line {} (`{}` by `{}`)", line.seq, line.what, line.who),
    }
}

/// How many finished rows nothing can be said of, and those that are not as the log says.
fn rows(log: &Log) -> (usize, Vec<String>) {
    let mut last: BTreeMap<LogKey, &LogLine> = BTreeMap::new();
    for line in &log.lines {
        if let Some(id) = line.id.as_ref().filter(|_| line.row.is_some() || FINISHING.contains(&line.what.as_str())) {
            last.insert((line.project.clone(), id.clone()), line);
        }
    }
    let mut wrong = Vec::new();
    let mut unexplained = 0;
    for (key, row) in log.rows.iter().filter(|(_, row)| !row.state.is_open()) {
        match last.get(key) {
            None => wrong.push(format!(
                "the row of `{}` is {}, which no line of the log explains",
                key.1,
                row.state.as_str()
            )),
            Some(line) => match &line.row {
                None => unexplained += 1,
                Some(said) if said != row => {
                    wrong.push(format!("the row of `{}` was changed: {}", key.1, differs(said, row, line)))
                }
                Some(_) => {}
            },
        }
    }
    for (key, line) in last.iter().filter(|(key, _)| !log.rows.contains_key(*key)) {
        wrong.push(format!("the row of `{}` is gone, which line {} left as {}", key.1, line.seq, line.what));
    }
    (unexplained, wrong)
}

/// The first thing in which a row differs from what the log says of it.
fn differs(said: &LogRow, row: &LogRow, line: &LogLine) -> String {
    let of_line = format!("line {} of the log", line.seq);
    if said.state != row.state {
        format!("it is {}, and {of_line} left it {}", row.state.as_str(), said.state.as_str())
    } else if said.checksum != row.checksum {
        format!("its checksum is {}, and {of_line} left {}", row.checksum.short(), said.checksum.short())
    } else if said.tokens != row.tokens {
        format!("its tokens have the checksum {}, and {of_line} left {}", row.tokens.short(), said.tokens.short())
    } else {
        format!("it says attempt {}, and {of_line} says {}", row.attempt, said.attempt)
    }
}
