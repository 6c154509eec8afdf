//! Backfills against a table in memory that can lose its client at any point: every row counts exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::{
    Backfill, BackfillAction, Batch, BatchFacts, Begun, Failure, FailureClass, Pace, Pressure, QualifiedName,
};
use proptest::prelude::*;

fn batch(pace: Pace) -> Batch {
    let table = QualifiedName { schema: None, name: "t".to_owned() };
    Batch { table, key: vec!["id".to_owned()], places: Vec::new(), pace }
}

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "it failed")
}

/// What happens to one transaction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Fine,
    /// The client dies before the server commits.
    LostBefore,
    /// The client dies after the server committed, and does not know.
    LostAfter,
    /// Somebody else's lock was in the way.
    Busy,
    /// Somebody adds this row before it.
    Insert(u64),
}

/// The table with a counter per row, and what the ledger keeps.
#[derive(Debug, Default)]
struct World {
    rows: BTreeMap<u64, u32>,
    cursor: Option<u64>,
    done: u64,
    batches: u32,
    finished: bool,
}

/// The range of `size` rows behind the cursor: its last key, its rows, and whether nothing is behind it.
fn found(world: &World, after: Option<u64>, size: u64) -> (Option<u64>, u64, bool) {
    let keys: Vec<u64> =
        world.rows.keys().copied().filter(|key| after.is_none_or(|after| *key > after)).take(size as usize).collect();
    (keys.last().copied(), keys.len() as u64, (keys.len() as u64) < size)
}

impl World {
    fn commit(&mut self, next: (Option<u64>, u64, bool)) -> u64 {
        let (upto, rows, last) = next;
        let (cursor, mut changed) = (self.cursor, 0);
        let within = |key: &u64| cursor.is_none_or(|after| *key > after) && upto.is_some_and(|upto| *key <= upto);
        for (_, count) in self.rows.iter_mut().filter(|(key, _)| within(key)) {
            *count += 1;
            changed += 1;
        }
        self.cursor = upto.or(self.cursor);
        self.done += rows;
        self.batches += 1;
        self.finished = last;
        changed
    }

    /// One attempt, until it ends or its client is lost.
    fn attempt(&mut self, batch: &Batch, fates: &mut impl Iterator<Item = Fate>) {
        let total = Some(self.rows.len() as u64);
        let mut backfill = Backfill::new(batch, Begun { batches: self.batches, rows: self.done, total });
        let mut next = found(self, self.cursor, batch.pace.size);
        loop {
            match backfill.action() {
                BackfillAction::Measure => backfill.measured(&Pressure::default()),
                BackfillAction::Rest { .. } => backfill.rested(),
                BackfillAction::Stop(failure) => panic!("{failure:?}"),
                BackfillAction::Done => return,
                BackfillAction::Batch { size } => {
                    assert!((1..=100_000).contains(&size));
                    let fate = fates.next().unwrap_or(Fate::Fine);
                    match fate {
                        Fate::LostBefore => return,
                        Fate::Busy => {
                            backfill.collided(failure(FailureClass::Busy), Duration::from_millis(500));
                            continue;
                        }
                        Fate::Insert(key) => drop(self.rows.entry(key).or_insert(0)),
                        Fate::Fine | Fate::LostAfter => {}
                    }
                    let (rows, last) = (next.1, next.2);
                    let changed = self.commit(next);
                    next = found(self, self.cursor, size);
                    if fate == Fate::LostAfter {
                        return;
                    }
                    backfill.ran(BatchFacts { rows, changed, last }, Duration::from_millis(40 + rows));
                }
            }
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Fine),
        2 => Just(Fate::LostBefore),
        2 => Just(Fate::LostAfter),
        1 => Just(Fate::Busy),
        1 => (10_000u64..20_000).prop_map(Fate::Insert),
    ]
}

proptest! {
    #[test]
    fn every_row_counts_once_whatever_is_lost(
        rows in 0u64..500,
        size in 1u64..50,
        timed: bool,
        fates in prop::collection::vec(fate(), 0..60),
    ) {
        let mut world = World { rows: (0..rows).map(|key| (key * 3, 0)).collect(), ..World::default() };
        let pace = Pace { time: timed.then_some(Duration::from_millis(60)), ..Pace::of(size) };
        let mut fates = fates.into_iter();
        for _ in 0..100 {
            if world.finished {
                break;
            }
            world.attempt(&batch(pace.clone()), &mut fates);
        }
        prop_assert!(world.finished);
        let before = world.rows.iter().filter(|(key, _)| **key < 10_000);
        prop_assert!(before.clone().all(|(_, count)| *count == 1), "{world:?}");
        // What somebody adds meanwhile may be reached, and never twice.
        prop_assert!(world.rows.values().all(|count| *count <= 1));
        prop_assert!(world.done >= before.count() as u64);
    }
}

/// Sizes after batches that took these milliseconds.
fn sizes(pace: Pace, took: &[u64]) -> Vec<u64> {
    let mut backfill = Backfill::new(&batch(pace), Begun::default());
    let (mut sizes, mut rows) = (Vec::new(), backfill.progress().size);
    for took in took {
        backfill.measured(&Pressure::default());
        backfill.ran(BatchFacts { rows, changed: rows, last: false }, Duration::from_millis(*took));
        rows = backfill.progress().size;
        sizes.push(rows);
    }
    sizes
}

#[test]
fn sizes_follow_the_time_that_a_batch_takes() {
    assert_eq!(sizes(Pace::of(1_000), &[10, 10, 10]), [2_000, 4_000, 8_000]);
    assert_eq!(sizes(Pace::of(1_000), &[4_000, 4_000, 4_000]), [500, 250, 125]);
    assert_eq!(sizes(Pace::of(1_000), &[250, 200]), [800, 800]);
    assert_eq!(sizes(Pace::of(60_000), &[1, 1]), [100_000, 100_000]);
    assert_eq!(sizes(Pace::of(150), &[9_000, 9_000]), [100, 100]);
    assert_eq!(sizes(Pace::of(3), &[9_000, 1, 1]), [3, 6, 12], "a small first size is the bound");
    assert_eq!(sizes(Pace { time: None, ..Pace::of(7) }, &[1, 9_000]), [7, 7]);
}

/// What follows from the pressure `lag` and `oldest`, in seconds.
fn under(pace: Pace, lag: Option<u64>, oldest: Option<u64>) -> String {
    let mut backfill = Backfill::new(&batch(pace), Begun::default());
    let strain = |who: &str, by: Option<u64>| by.map(|by| (who.to_owned(), Duration::from_secs(by)));
    backfill.measured(&Pressure { lag: strain("r1", lag), oldest: strain("process 7 (app)", oldest) });
    match backfill.action() {
        BackfillAction::Rest { why, .. } => why,
        BackfillAction::Batch { .. } => "goes on".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_rests_while_others_suffer() {
    assert_eq!(under(Pace::of(10), None, None), "goes on");
    assert_eq!(under(Pace::of(10), Some(5), Some(900)), "goes on");
    assert_eq!(under(Pace::of(10), Some(6), Some(901)), "replica r1 is 6 s behind");
    assert_eq!(under(Pace::of(10), None, Some(901)), "the transaction of process 7 (app) is 901 s old");
    assert_eq!(under(Pace { lag: None, age: None, ..Pace::of(10) }, Some(600), Some(9_000)), "goes on");
}

#[test]
fn it_gives_up_for_now_after_a_quarter_of_an_hour() {
    let lagging = Pressure { lag: Some(("r1".to_owned(), Duration::from_mins(1))), oldest: None };
    let mut backfill = Backfill::new(&batch(Pace::of(10)), Begun::default());
    let mut rested = Duration::ZERO;
    let failure = loop {
        match backfill.action() {
            BackfillAction::Measure => backfill.measured(&lagging),
            BackfillAction::Rest { rest, .. } => {
                rested += rest;
                backfill.rested();
            }
            BackfillAction::Stop(failure) => break failure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((failure.class, rested), (FailureClass::Busy, Duration::from_mins(15)));
    assert_eq!(failure.message, "the backfill waited 15 minutes because replica r1 is 60 s behind");
    assert!(failure.hint.unwrap().starts_with("what is done stays done: run again when that is over"));
}

#[test]
fn it_asks_how_the_server_bears_it_once_a_second() {
    let mut backfill = Backfill::new(&batch(Pace::of(10)), Begun::default());
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(backfill.action() == BackfillAction::Measure);
        backfill.measured(&Pressure::default());
        backfill.ran(BatchFacts { rows: 10, changed: 10, last: false }, Duration::from_millis(500));
        asked.push(backfill.action() == BackfillAction::Measure);
        backfill.ran(BatchFacts { rows: 10, changed: 10, last: false }, Duration::from_millis(500));
    }
    assert_eq!(asked, [true, false].repeat(6));
}

#[test]
fn collisions_make_it_smaller_and_end() {
    let mut backfill = Backfill::new(&batch(Pace::of(1_000)), Begun::default());
    backfill.measured(&Pressure::default());
    let (mut held, mut times, mut sizes, mut rests) = (Duration::ZERO, 0, Vec::new(), Vec::new());
    let ended = loop {
        match backfill.action() {
            BackfillAction::Batch { size } => {
                sizes.push(size);
                backfill.collided(failure(FailureClass::Busy), Duration::from_millis(500));
                (held, times) = (held + Duration::from_millis(500), times + 1);
            }
            BackfillAction::Rest { rest, .. } => {
                rests.push(rest.as_millis());
                held += rest;
                backfill.rested();
            }
            BackfillAction::Stop(failure) => break failure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sizes[..6], [1_000, 500, 250, 125, 100, 100]);
    assert_eq!(rests[..9], [100, 200, 400, 800, 1_600, 3_200, 6_400, 6_400, 6_400]);
    assert_eq!(ended.class, FailureClass::Busy);
    assert!(held >= Duration::from_mins(15) && times > 100, "{held:?}, {times} times");
}

#[test]
fn progress_tells_rate_and_time_left() {
    let mut backfill = Backfill::new(&batch(Pace::of(1_000)), Begun { batches: 3, rows: 3_000, total: Some(10_000) });
    assert_eq!((backfill.progress().rate, backfill.progress().left()), (0.0, None));
    backfill.measured(&Pressure::default());
    backfill.ran(BatchFacts { rows: 1_000, changed: 400, last: false }, Duration::from_millis(500));
    let progress = backfill.progress();
    assert_eq!((progress.batch, progress.rows, progress.changed, progress.total), (4, 4_000, 400, Some(10_000)));
    assert_eq!(progress.left(), Some(Duration::from_secs(3)), "{} rows/s", progress.rate);
}
