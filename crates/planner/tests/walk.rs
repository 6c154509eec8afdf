//! The walk through statements that are no transaction, against a fake catalog, with a crash at every action.

use dunlin_planner::{Body, FailureClass, Probe, ProbeFact, QualifiedName, Rebuilt, StatementClass, Walk, WalkAction};

use crate::support::{Random, body, statement};

/// What a statement does, and how its effect can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Runs in a transaction.
    Recorded,
    /// Makes an index; a crash may leave an unusable one.
    Index,
    /// Drops an index.
    Drop,
    /// Detaches a partition; a crash may leave it half detached, and cleaning up finishes that.
    Detach,
    /// Rebuilds an index, which is harmless to repeat; a crash may leave something behind.
    Rebuild,
    /// Harmless to repeat.
    Repeat,
    /// The author's query tells.
    Query,
    /// Nothing tells.
    Unknown,
}

const DOINGS: [Doing; 8] = [
    Doing::Recorded,
    Doing::Index,
    Doing::Drop,
    Doing::Detach,
    Doing::Rebuild,
    Doing::Repeat,
    Doing::Query,
    Doing::Unknown,
];

impl Doing {
    fn probe(self) -> Option<Probe> {
        let name = |name: &str| QualifiedName { schema: None, name: name.to_owned() };
        match self {
            Self::Recorded => None,
            Self::Index => Some(Probe::IndexValid { index: "i".to_owned(), table: name("t"), shape: None }),
            Self::Drop => Some(Probe::IndexAbsent(vec![name("i")])),
            Self::Detach => Some(Probe::Detached { table: name("t"), partition: name("p") }),
            Self::Rebuild => Some(Probe::Rebuilt(Rebuilt::Table(name("t")))),
            Self::Repeat => Some(Probe::Repeat),
            Self::Query => Some(Probe::Query("SELECT true".to_owned())),
            Self::Unknown => Some(Probe::Unknown),
        }
    }
}

fn bodied(doings: &[Doing]) -> Body {
    body("up", &"auth/1".parse().unwrap(), doings.iter().map(|doing| statement(doing.probe())).collect())
}

/// When in an action the client is lost.
#[derive(Debug, Clone, Copy)]
enum Crash {
    Before,
    Midway,
    After,
}

/// A database: how often each statement took effect, what is unusable, and the ledger's row.
#[derive(Debug, Default)]
struct Database {
    effects: Vec<usize>,
    garbage: Vec<bool>,
    finished: usize,
    pre: Option<ProbeFact>,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Finished,
    Crashed,
    /// The server said no.
    Refused,
    Stopped(FailureClass),
}

impl Database {
    fn new(doings: &[Doing]) -> Self {
        Self { effects: vec![0; doings.len()], garbage: vec![false; doings.len()], finished: 0, pre: None }
    }

    /// One walk from what the ledger says, lost in the action of that number.
    fn walk(&mut self, doings: &[Doing], mut crash: Option<(usize, Crash)>) -> End {
        let body = bodied(doings);
        let mut walk = Walk::new(&body, self.finished, self.pre.clone());
        for _ in 0..100 {
            let action = walk.action();
            assert_eq!(walk.action(), action, "asking again changes nothing");
            let now = match &mut crash {
                Some((0, when)) => Some(*when),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            match now {
                Some(Crash::Before) => return End::Crashed,
                Some(Crash::Midway) => {
                    if let WalkAction::Execute(index) = action {
                        let is_wreckable = matches!(doings[index], Doing::Index | Doing::Detach);
                        self.garbage[index] |=
                            doings[index] == Doing::Rebuild || (is_wreckable && self.effects[index] == 0);
                    }
                    return End::Crashed;
                }
                Some(Crash::After) | None => {}
            }
            let end = self.take(doings, &body, &mut walk, action);
            if now.is_some() {
                return End::Crashed;
            }
            if let Some(end) = end {
                return end;
            }
        }
        panic!("the walk does not end");
    }

    fn take(&mut self, doings: &[Doing], body: &Body, walk: &mut Walk<'_>, action: WalkAction) -> Option<End> {
        match action {
            WalkAction::Probe(index) => {
                let StatementClass::Alone { probe, .. } = &body.statements[index].class else {
                    panic!("nothing to see")
                };
                walk.probed(probe.settled().unwrap_or_else(|| self.look(doings[index], index)));
                return None;
            }
            WalkAction::Intend(index, seen) => {
                assert_eq!((index, None), (self.finished, self.pre.take()), "an intent is written once");
                self.pre = Some(seen);
            }
            WalkAction::Clean(index) => {
                self.garbage[index] = false;
                self.effects[index] += usize::from(doings[index] == Doing::Detach);
            }
            WalkAction::Execute(index) => {
                let is_judged = matches!(doings[index], Doing::Index | Doing::Drop | Doing::Detach);
                if is_judged && (self.effects[index] > 0 || self.garbage[index]) {
                    // The server refused, and the connection lives: the intent is taken back.
                    self.pre = None;
                    return Some(End::Refused);
                }
                self.effects[index] += 1;
            }
            WalkAction::ExecuteRecorded(index) => {
                self.effects[index] += 1;
                self.finished = index + 1;
            }
            WalkAction::Advance(index) => {
                assert_eq!(index, self.finished);
                (self.finished, self.pre) = (index + 1, None);
            }
            WalkAction::Finish => {
                assert_eq!(self.finished, doings.len());
                return Some(End::Finished);
            }
            WalkAction::Stop(failure) => return Some(End::Stopped(failure.class)),
        }
        walk.done();
        None
    }

    fn look(&self, doing: Doing, index: usize) -> ProbeFact {
        match (self.garbage[index], self.effects[index]) {
            (false, _) if doing == Doing::Rebuild => ProbeFact::Repeatable,
            (true, _) => ProbeFact::Garbage { what: "index `i` is not valid".to_owned() },
            (false, 0) => ProbeFact::Absent,
            (false, _) => ProbeFact::Done,
        }
    }

    /// Whether a person has to decide, and has to be right: the walk was lost where nothing tells.
    fn is_in_doubt(&self, doings: &[Doing]) -> bool {
        self.pre.is_some() && doings[self.finished] == Doing::Unknown
    }

    fn assert_whole(&self, doings: &[Doing]) {
        for (index, doing) in doings.iter().enumerate() {
            let times = self.effects[index];
            let is_harmless = matches!(doing, Doing::Repeat | Doing::Rebuild);
            assert!(times == 1 || (is_harmless && times > 1), "{doing:?} took effect {times} times");
            assert!(!self.garbage[index]);
        }
    }
}

/// Every sequence of up to three statements.
fn sequences() -> Vec<Vec<Doing>> {
    let longer = |shorter: &[Vec<Doing>]| -> Vec<Vec<Doing>> {
        shorter.iter().flat_map(|start| DOINGS.map(|doing| [start.as_slice(), &[doing]].concat())).collect()
    };
    let one = longer(&[Vec::new()]);
    let two = longer(&one);
    let three = longer(&two);
    [vec![Vec::new()], one, two, three].concat()
}

#[test]
fn every_statement_takes_effect_once_without_a_crash() {
    for doings in sequences() {
        let mut database = Database::new(&doings);
        assert_eq!(database.walk(&doings, None), End::Finished, "{doings:?}");
        database.assert_whole(&doings);
    }
}

#[test]
fn every_statement_takes_effect_once_with_a_crash_anywhere() {
    for doings in sequences() {
        for crash in [Crash::Before, Crash::Midway, Crash::After] {
            for at in 0.. {
                let mut database = Database::new(&doings);
                if database.walk(&doings, Some((at, crash))) == End::Finished {
                    break;
                }
                let expected =
                    if database.is_in_doubt(&doings) { End::Stopped(FailureClass::Dirty) } else { End::Finished };
                let place = format!("{doings:?}, crash {crash:?} action {at}");
                assert_eq!(database.walk(&doings, None), expected, "{place}");
                if expected == End::Finished {
                    database.assert_whole(&doings);
                }
            }
        }
    }
}

#[test]
fn every_statement_takes_effect_once_with_many_crashes() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let doings: Vec<_> = (0..1 + random.below(5)).map(|_| DOINGS[random.below(DOINGS.len())]).collect();
        let mut database = Database::new(&doings);
        for _ in 0..random.below(6) {
            let when = [Crash::Before, Crash::Midway, Crash::After][random.below(3)];
            database.walk(&doings, Some((random.below(12), when)));
        }
        let in_doubt = database.finished < doings.len() && database.is_in_doubt(&doings);
        let expected = if in_doubt { End::Stopped(FailureClass::Dirty) } else { End::Finished };
        assert_eq!(database.walk(&doings, None), expected, "seed {seed}: {doings:?}");
        if !in_doubt {
            database.assert_whole(&doings);
        }
    }
}

#[test]
fn what_was_there_before_is_never_taken_for_ours() {
    for doing in [Doing::Index, Doing::Drop, Doing::Detach] {
        let mut database = Database::new(&[doing]);
        database.effects[0] = 1;
        for attempt in 1..=3 {
            assert_eq!(database.walk(&[doing], None), End::Refused, "{doing:?}, attempt {attempt}");
        }
        // Nor where the connection is lost between the intent and the answer.
        for at in 0..4 {
            database.walk(&[doing], Some((at, Crash::Before)));
            assert_eq!(database.walk(&[doing], None), End::Refused, "{doing:?}, lost in action {at}");
        }
    }
}

#[test]
fn a_partition_that_somebody_left_half_detached_is_finished() {
    let mut database = Database::new(&[Doing::Detach]);
    database.garbage[0] = true;
    assert_eq!(database.walk(&[Doing::Detach], None), End::Finished);
    database.assert_whole(&[Doing::Detach]);
}

#[test]
fn an_unusable_index_is_replaced_whoever_left_it() {
    let mut database = Database::new(&[Doing::Index]);
    database.garbage[0] = true;
    assert_eq!(database.walk(&[Doing::Index], None), End::Finished);
    database.assert_whole(&[Doing::Index]);
}

/// Walks through one statement until it stops, with these facts for its probes.
fn stops(doing: Doing, pre: Option<ProbeFact>, facts: &[ProbeFact]) -> (FailureClass, String) {
    let body = bodied(&[doing]);
    let mut walk = Walk::new(&body, 0, pre);
    let mut facts = facts.iter();
    loop {
        match walk.action() {
            WalkAction::Probe(_) => walk.probed(facts.next().expect("enough facts").clone()),
            WalkAction::Stop(failure) => return (failure.class, failure.message),
            WalkAction::Finish => panic!("it finished"),
            _ => walk.done(),
        }
    }
}

#[test]
fn what_cannot_go_on_stops_and_says_why() {
    let other = || ProbeFact::Other { what: "index `i` is on table `u`".to_owned() };
    let garbage = || ProbeFact::Garbage { what: "index `i` is not valid".to_owned() };
    let cases = [
        (None, vec![other()], "statement 1 cannot run: index `i` is on table `u`"),
        (Some(ProbeFact::Absent), vec![other()], "statement 1 cannot run: index `i` is on table `u`"),
        (
            None,
            vec![ProbeFact::Absent, other()],
            "statement 1 ran, and something else bears its name: index `i` is on table `u`",
        ),
        (
            None,
            vec![garbage(), garbage()],
            "statement 1 cannot run, for what is in its way does not go: index `i` is not valid",
        ),
        (None, vec![ProbeFact::Absent, ProbeFact::Absent], "statement 1 ran and its effect is not there"),
        (
            None,
            vec![ProbeFact::Absent, garbage()],
            "statement 1 ran and left something unusable: index `i` is not valid",
        ),
    ];
    for (pre, facts, message) in cases {
        assert_eq!(stops(Doing::Index, pre, &facts), (FailureClass::Rejected, message.to_owned()));
    }
    let (class, message) = stops(Doing::Unknown, Some(ProbeFact::Unknown), &[ProbeFact::Unknown]);
    assert_eq!(class, FailureClass::Dirty);
    assert_eq!(message, "an earlier attempt was interrupted in statement 1, and nothing tells whether it was done");
}

/// The second of two statements stops; its number and the hint.
#[test]
fn what_stops_says_where_and_what_to_do() {
    let hint = |doing: Doing, pre: Option<ProbeFact>, fact: ProbeFact| {
        let body = bodied(&[Doing::Recorded, doing]);
        let mut walk = Walk::new(&body, 1, pre);
        assert_eq!(walk.statement(), 2);
        while let WalkAction::Probe(_) = walk.action() {
            walk.probed(fact.clone());
        }
        let WalkAction::Stop(failure) = walk.action() else { panic!("{doing:?} goes on") };
        assert_eq!(failure.place.map(|place| place.line), Some(1));
        failure.hint.unwrap()
    };
    let other = ProbeFact::Other { what: "no row".to_owned() };
    let begun = Some(ProbeFact::Unknown);
    assert_eq!(
        [
            hint(Doing::Unknown, begun, ProbeFact::Unknown),
            hint(Doing::Query, None, other.clone()),
            hint(Doing::Index, None, other),
        ],
        [
            "look at the database, then add `-- dunlin: probe SELECT …` that says whether it is done",
            "see why the query of `-- dunlin: probe …` says so, and correct it or the database, then run again",
            "look at the object with that name; rename or drop it, then run again",
        ]
    );
}

#[test]
fn what_no_catalog_tells_is_not_asked() {
    let settled = DOINGS.map(|doing| doing.probe().and_then(|probe| probe.settled()));
    let (repeatable, unknown) = (Some(ProbeFact::Repeatable), Some(ProbeFact::Unknown));
    assert_eq!(settled, [None, None, None, None, None, repeatable, None, unknown.clone()]);
    assert_eq!(Probe::Piecemeal.settled(), unknown);
}
