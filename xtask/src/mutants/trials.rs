//! Which tests a mutant runs: those that come past its switch, from quick to slow; of the slow ones first those of its own
//! package, and among them those that noticed others of its file.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::mutants::build::Program;
use crate::mutants::slot::{End, Slot, each};

/// Graphs of a hundred thousand migrations take longer than everything else, and decide nothing else.
const LARGE: &str = "scale::";
/// What takes longer is left out, too.
const LONGEST: Duration = Duration::from_secs(40);
/// So many of the tests that take next to no time run in one process.
const GROUP: usize = 40;
const QUICK: Duration = Duration::from_millis(100);
/// No mutant gets more of the tests than would take so long without it.
const PATIENCE: Duration = Duration::from_mins(2);
/// What is waited for an answer beyond what the tests took without a mutant, and how many times that.
const GRACE: Duration = Duration::from_secs(10);
const TIMES: u32 = 4;

/// A test, and what came of it without a mutant.
pub(crate) struct Test {
    pub(crate) program: Program,
    pub(crate) name: String,
    time: Duration,
    reached: HashSet<usize>,
}

/// All tests, from quick to slow.
pub(crate) struct Trials {
    tests: Vec<Test>,
    /// How many mutants of a file a test has noticed.
    noticed: Mutex<HashMap<(String, String), usize>>,
}

impl Trials {
    /// Runs each test of these programs once.
    pub(crate) fn record(slots: &[Slot], programs: &[Program]) -> Result<Self> {
        let mut names = Vec::new();
        for (program, slot) in programs.iter().zip(slots.iter().cycle()) {
            let tests = slot.list(program)?.into_iter().filter(|name| !name.starts_with(LARGE));
            names.extend(tests.map(|name| (program.clone(), name)));
        }
        let mut tests = Vec::new();
        let once = |slot: &Slot, (program, name): &(Program, String)| {
            let since = Instant::now();
            let (end, reached) = slot.record(program, &[name], LONGEST)?;
            let reached = reached.into_iter().collect();
            Ok((end, Test { program: program.clone(), name: name.clone(), time: since.elapsed(), reached }))
        };
        each(slots, &names, once, |(_, name), (end, test)| {
            match end {
                End::Passed => tests.push(test),
                End::Failed => println!("`{name}` is left out: it fails without a mutant"),
                End::TooLate => println!("`{name}` is left out: it takes longer than {LONGEST:?}"),
            }
            Ok(())
        })?;
        Ok(Self::new(tests))
    }

    fn new(mut tests: Vec<Test>) -> Self {
        tests.sort_by_key(|test| test.time);
        Self { tests, noticed: Mutex::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.tests.len()
    }

    /// The tests that may notice a mutant of this file, in the order in which they run.
    pub(crate) fn of(&self, number: usize, file: &str) -> Vec<Group<'_>> {
        let mut tests: Vec<&Test> = self.tests.iter().filter(|test| test.reached.contains(&number)).collect();
        let noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |test: &Test| noticed.get(&(file.to_owned(), test.name.clone())).copied().unwrap_or_default();
        let package = file.split_once("/src/").map_or(file, |(package, _)| package);
        let is_foreign = |test: &Test| !test.program.dir.ends_with(package);
        tests.sort_by_cached_key(|test| (test.time > QUICK, is_foreign(test), Reverse(count(test)), test.time));
        let mut groups: Vec<Group> = Vec::new();
        let mut all = Duration::ZERO;
        for test in tests {
            all += test.time;
            if all > PATIENCE {
                break;
            }
            let open = groups.iter_mut().find(|group| group.program == &test.program && group.names.len() < GROUP);
            match open.filter(|_| test.time <= QUICK) {
                Some(group) => {
                    group.names.push(&test.name);
                    group.time += test.time;
                }
                None => groups.push(Group { program: &test.program, names: vec![&test.name], time: test.time }),
            }
        }
        groups
    }

    /// These tests noticed a mutant of this file.
    pub(crate) fn notice(&self, file: &str, group: &Group) {
        // Which of several it was, is not known, and they take next to no time.
        if let [name] = group.names[..] {
            let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
            *noticed.entry((file.to_owned(), name.to_owned())).or_default() += 1;
        }
    }
}

/// Tests that run in one process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group<'t> {
    pub(crate) program: &'t Program,
    pub(crate) names: Vec<&'t str>,
    /// What they took without a mutant.
    time: Duration,
}

impl Group<'_> {
    /// How long they may take.
    pub(crate) fn limit(&self) -> Duration {
        GRACE + self.time * TIMES
    }
}

/// Programs but the one whose tests are for hours: faults everywhere.
pub(crate) fn without_long(mut programs: Vec<Program>) -> Vec<Program> {
    let name = |program: &Program| program.path.file_name().map(|name| name.display().to_string());
    programs.retain(|program| !name(program).is_some_and(|name| name.starts_with("torture-")));
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_tests_of_a_program_go_together_and_slow_ones_alone() {
        let program = |path: &str, dir: &str| Program { path: path.into(), dir: dir.into() };
        let test = |path: &str, name: &str, millis, reached: &[usize]| Test {
            program: program(path, if path == "own" { "t/p" } else { "t/q" }),
            name: name.to_owned(),
            time: Duration::from_millis(millis),
            reached: reached.iter().copied().collect(),
        };
        let trials = Trials::new(vec![
            test("a", "5", 600, &[7]),
            test("a", "1", 1, &[7]),
            test("b", "2", 2, &[7]),
            test("a", "3", 3, &[7, 8]),
            test("a", "4", 500, &[7]),
            test("a", "6", 120_000, &[7]),
            test("own", "7", 900, &[9]),
            test("a", "8", 800, &[9]),
        ]);
        let groups = |number| {
            let told = |group: &Group| format!("{}: {}", group.program.path.display(), group.names.join(" "));
            trials.of(number, "p/src/f").iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(groups(7), ["a: 1 3", "b: 2", "a: 4", "a: 5"]);
        assert_eq!(groups(8), ["a: 3"]);
        assert_eq!(groups(9), ["own: 7", "a: 8"]);
        assert!(groups(10).is_empty());
        assert_eq!(trials.of(7, "p/src/f")[0].limit(), GRACE + Duration::from_millis(16));

        trials.notice("p/src/f", &trials.of(7, "p/src/f")[3]);
        assert_eq!(groups(7), ["a: 1 3", "b: 2", "a: 5", "a: 4"]);

        let programs = vec![program("/t/torture-1f", "d"), program("/t/probes-1f", "d")];
        assert_eq!(without_long(programs), [program("/t/probes-1f", "d")]);
    }
}
