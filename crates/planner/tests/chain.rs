//! Seals over a log whose lines become visible in any order, and what is found once somebody has changed it.

use std::collections::BTreeMap;

use dunlin_planner::{Cover, Digest, Log, LogLine, LogRow, RowState, Seal, SealStamp, Timestamp, audit};
use proptest::prelude::*;

fn line(seq: u64) -> LogLine {
    LogLine {
        seq,
        at: Timestamp(1_000_000),
        project: "p".to_owned(),
        id: Some(format!("app/{seq}")),
        run: None,
        what: "failed".to_owned(),
        who: "deployer".to_owned(),
        detail: None,
        prev: None,
        hash: None,
        cover: None,
        row: None,
    }
}

/// A log as the database keeps it: numbers are given before lines can be seen.
#[derive(Default)]
struct Database {
    next: u64,
    lines: BTreeMap<u64, LogLine>,
    last: Option<Seal>,
}

impl Database {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn commit(&mut self, seq: u64) {
        self.lines.insert(seq, line(seq));
    }

    /// Seals what the driver would read.
    fn seal(&mut self) {
        let before = self.last.as_ref().map(|last| last.cover.clone()).unwrap_or_default();
        let pending = before.pending(self.next);
        let is_pending = |seq: u64| pending.iter().any(|(from, to)| (*from..=*to).contains(&seq));
        let open: Vec<_> = self.lines.values().filter(|line| is_pending(line.seq)).cloned().collect();
        let stamp = SealStamp {
            project: "p".to_owned(),
            run: Some("run".to_owned()),
            at: Timestamp(2_000_000),
            who: "deployer".to_owned(),
        };
        let Some(seal) = Seal::next(self.last.as_ref(), &stamp, &open) else { return };
        let seq = self.number();
        let made = LogLine {
            id: None,
            run: stamp.run,
            at: stamp.at,
            what: "sealed".to_owned(),
            detail: Some(format!("{:?}", seal.cover)),
            prev: self.last.as_ref().map(|last| last.hash),
            hash: Some(seal.hash),
            cover: Some(seal.cover.clone()),
            ..line(seq)
        };
        self.lines.insert(seq, made);
        self.last = Some(seal);
    }

    fn check(&self) -> (usize, usize, Vec<String>) {
        let log = Log { lines: self.lines.values().cloned().collect(), rows: BTreeMap::new() };
        let audit = audit(&"core".parse().unwrap(), &log);
        (audit.sealed, audit.unsealed, audit.findings.into_iter().map(|finding| finding.message).collect())
    }
}

/// Numbers that are given, become visible later, earlier than others, or never, and seals in between.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin,
    Commit(prop::sample::Index),
    RollBack(prop::sample::Index),
    Seal,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Begin),
        3 => any::<prop::sample::Index>().prop_map(Act::Commit),
        1 => any::<prop::sample::Index>().prop_map(Act::RollBack),
        1 => Just(Act::Seal),
    ];
    prop::collection::vec(act, 1..60)
}

fn played(acts: &[Act]) -> Database {
    let mut database = Database::default();
    let mut under_way = Vec::new();
    for act in acts {
        match act {
            Act::Begin => under_way.push(database.number()),
            Act::Commit(which) if !under_way.is_empty() => {
                let seq = under_way.remove(which.index(under_way.len()));
                database.commit(seq);
            }
            Act::RollBack(which) if !under_way.is_empty() => {
                under_way.remove(which.index(under_way.len()));
            }
            Act::Seal => database.seal(),
            Act::Commit(_) | Act::RollBack(_) => {}
        }
    }
    database
}

proptest! {
    /// Each line is sealed once, whenever it could be seen, and nothing is taken for changed.
    #[test]
    fn every_line_is_sealed_once(acts in acts()) {
        let mut database = played(&acts);
        let lines = database.lines.values().filter(|line| line.hash.is_none()).count();
        let (sealed, unsealed, found) = database.check();
        prop_assert_eq!((sealed + unsealed, found), (lines, vec![]));
        database.seal();
        prop_assert_eq!(database.check(), (lines, 0, vec![]));
        let mut covered: Vec<_> = database.lines.values().filter_map(|line| line.cover.as_ref())
            .flat_map(|cover| cover.lines.iter().map(|(seq, _)| *seq)).collect();
        covered.sort_unstable();
        let before = covered.len();
        covered.dedup();
        prop_assert_eq!(covered.len(), before);
    }

    /// Whatever is changed or taken out of what is sealed is found, and so is what is put between.
    #[test]
    fn every_change_is_found(acts in acts(), which: prop::sample::Index, how in 0..3) {
        let mut database = played(&acts);
        database.commit(1_000);
        database.next = 1_000;
        database.seal();
        let seqs: Vec<u64> = database.lines.keys().copied().collect();
        let seq = seqs[which.index(seqs.len())];
        let line = database.lines.get_mut(&seq).unwrap();
        match how {
            0 => line.who = "mallory".to_owned(),
            1 => line.at = Timestamp(3),
            // The end that is cut off shows against a head that was kept, and against nothing else.
            _ if seq == database.next => return Ok(()),
            _ => drop(database.lines.remove(&seq)),
        }
        prop_assert_ne!(database.check().2, Vec::<String>::new());
    }
}

#[test]
fn a_line_that_is_put_where_a_seal_has_passed_is_told_from_one_that_came_late() {
    let mut database = Database::default();
    let [first, late, third] = [database.number(), database.number(), database.number()];
    database.commit(first);
    database.commit(third);
    database.seal();
    assert_eq!(database.last.as_ref().unwrap().cover.open, [(late, late)]);
    database.commit(late);
    assert_eq!(database.check(), (2, 1, vec![]));
    database.seal();
    assert_eq!(database.check(), (3, 0, vec![]));
    database.commit(0);
    let said = "in `core` line 0 (`failed` of `app/0` by `deployer`) was put in after it was sealed there";
    assert_eq!(database.check().2, [said]);
}

/// The line that was changed, and not the seal over it, where that is as it was.
#[test]
fn what_was_changed_is_named() {
    let mut database = Database::default();
    let [first, second] = [database.number(), database.number()];
    database.commit(first);
    database.commit(second);
    database.seal();
    database.lines.get_mut(&second).unwrap().id = Some("app/9".to_owned());
    let said = "in `core` line 2 (`failed` of `app/9` by `deployer`) was changed after it was sealed";
    assert_eq!(database.check().2, [said]);
    database.lines.get_mut(&second).unwrap().id = Some("app/2".to_owned());
    database.lines.get_mut(&3).unwrap().who = "mallory".to_owned();
    let said = "in `core` line 3 (`sealed` by `mallory`) was changed, or a line that it covers";
    assert_eq!(database.check().2, [said]);
}

/// A log with a line about one row, beside that row.
fn rows(said: Option<LogRow>, row: Option<LogRow>, word: &str) -> String {
    let last = LogLine { what: word.to_owned(), row: said, ..line(7) };
    let key = ("p".to_owned(), "app/7".to_owned());
    let log = Log { lines: vec![line(3), last], rows: row.map(|row| (key, row)).into_iter().collect() };
    let audit = audit(&"core".parse().unwrap(), &log);
    let found = audit.findings.into_iter().map(|finding| finding.message);
    format!("{} unexplained\n{}", audit.unexplained, found.collect::<Vec<_>>().join("\n"))
}

#[test]
fn rows_are_compared_with_their_last_lines() {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let row = LogRow { state: RowState::Applied, checksum: digest("a"), tokens: digest("b"), attempt: 2 };
    let (said, seen) = (Some(row.clone()), Some(row.clone()));
    let begun = Some(LogRow { state: RowState::Running, ..row.clone() });
    let silent = ["0 unexplained\n"; 4];
    let fine = [
        rows(said.clone(), seen.clone(), "applied"),
        // What is begun has no line yet; what failed leaves none.
        rows(None, begun.clone(), "failed"),
        rows(None, None, "failed"),
        rows(said.clone(), Some(LogRow { state: RowState::Reverting, ..row.clone() }), "applied"),
    ];
    assert_eq!(fine, silent);
    assert_eq!(rows(None, seen.clone(), "applied"), "1 unexplained\n");
    let of_another = [
        (LogRow { state: RowState::Reverted, ..row.clone() }, "it is reverted, and line 7 of the log left it applied"),
        (
            LogRow { checksum: digest("c"), ..row.clone() },
            "its checksum is 2e7d2c03, and line 7 of the log left ca978112",
        ),
        (
            LogRow { tokens: digest("c"), ..row.clone() },
            "its tokens have the checksum 2e7d2c03, and line 7 of the log left 3e23e816",
        ),
        (LogRow { attempt: 3, ..row.clone() }, "it says attempt 3, and line 7 of the log says 2"),
    ];
    for (changed, how) in of_another {
        let expected = format!("0 unexplained\nin `core` the row of `app/7` was changed: {how}");
        assert_eq!(rows(said.clone(), Some(changed), "applied"), expected);
    }
    let lost = "0 unexplained\nin `core` the row of `app/7` is gone, which line 7 left as applied";
    assert_eq!([rows(said, None, "applied"), rows(None, None, "applied")], [lost, lost]);
    let unknown = "0 unexplained\nin `core` the row of `app/7` is applied, which no line of the log explains";
    assert_eq!(rows(None, seen, "failed"), unknown);
}

#[test]
fn what_is_open_is_looked_at_again() {
    let cover = Cover { lines: Vec::new(), through: 7, open: vec![(2, 3)] };
    assert_eq!(cover.pending(7), [(2, 3)]);
    assert_eq!(cover.pending(9), [(2, 3), (8, 9)]);
}

/// What a chain is must never change, or logs that were sealed could not be checked any more.
#[test]
fn the_hash_of_a_seal_is_the_one_that_it_always_was() {
    let stamp =
        SealStamp { project: "p".to_owned(), run: None, at: Timestamp(1_700_000_000_000_000), who: "ä".to_owned() };
    let lines = [LogLine { detail: Some("{\"a\": 1}".to_owned()), run: Some("r".to_owned()), ..line(2) }, line(7)];
    let first = Seal::next(None, &stamp, &lines).unwrap();
    let cover = Cover { lines: first.cover.lines.clone(), through: 7, open: vec![(1, 1), (3, 6)] };
    assert_eq!(first.cover, cover);
    insta::assert_snapshot!(first.hash, @"1ea9a0d3bd9e15ada4f765420865aa8003baa4428c8a9a817c2213c27c3f9f90");
    let second = Seal::next(Some(&first), &stamp, &[line(3)]).unwrap();
    assert_eq!((second.cover.through, second.cover.open.as_slice()), (7, [(1, 1), (4, 6)].as_slice()));
    insta::assert_snapshot!(second.hash, @"d0146a2a48092e8d49c5d3ee596353a59b17b9a16303601a971423be4fe78e67");
}
