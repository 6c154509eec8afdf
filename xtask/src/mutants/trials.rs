//! Which tests a mutant runs: those that come past its switch, from quick to slow.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::mutants::build::Program;
use crate::mutants::slot::{End, Slot, each};

/// Graphs of a hundred thousand migrations take longer than everything else, and decide nothing else.
const LARGE: &str = "scale::";
/// What takes longer is left out, too.
const LONGEST: Duration = Duration::from_secs(20);
/// So many of the tests that take next to no time run in one process.
const GROUP: usize = 40;
const QUICK: Duration = Duration::from_millis(100);
/// No mutant gets more of the tests than would take so long without it.
const PATIENCE: Duration = Duration::from_secs(180);
/// What is waited for an answer beyond what the tests took without a mutant, and how many times that.
const GRACE: Duration = Duration::from_secs(5);
const TIMES: u32 = 4;

/// A test, and what came of it without a mutant.
pub(crate) struct Test {
    pub(crate) program: Program,
    pub(crate) name: String,
    time: Duration,
    reached: HashSet<usize>,
}

/// Runs each test of these programs once.
pub(crate) fn record(slots: &[Slot], programs: &[Program]) -> Result<Vec<Test>> {
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
    tests.sort_by_key(|test| test.time);
    Ok(tests)
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

/// The tests that may notice a mutant, in the order in which they run.
pub(crate) fn for_mutant(tests: &[Test], number: usize) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut all = Duration::ZERO;
    for test in tests.iter().filter(|test| test.reached.contains(&number)) {
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
        let program = |path: &str| Program { path: path.into(), dir: "d".into() };
        let test = |path: &str, name: &str, millis, reached: &[usize]| Test {
            program: program(path),
            name: name.to_owned(),
            time: Duration::from_millis(millis),
            reached: reached.iter().copied().collect(),
        };
        let tests = [
            test("a", "1", 1, &[7]),
            test("b", "2", 2, &[7]),
            test("a", "3", 3, &[7, 8]),
            test("a", "4", 500, &[7]),
            test("a", "5", 600, &[7]),
            test("a", "6", 180_000, &[7]),
        ];
        let groups = |number| {
            let told = |group: &Group| format!("{}: {}", group.program.path.display(), group.names.join(" "));
            for_mutant(&tests, number).iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(groups(7), ["a: 1 3", "b: 2", "a: 4", "a: 5"]);
        assert_eq!(groups(8), ["a: 3"]);
        assert!(groups(9).is_empty());
        assert_eq!(for_mutant(&tests, 7)[0].limit(), GRACE + Duration::from_millis(16));
        let programs = vec![program("/t/torture-1f"), program("/t/probes-1f")];
        assert_eq!(without_long(programs), [program("/t/probes-1f")]);
    }
}
