//! From the list to what became of each mutant.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use regex::Regex;

use crate::mutants::build::{self, Program, Refusal};
use crate::mutants::list::{List, Mutant};
use crate::mutants::outcomes::{self, Outcome, Outcomes};
use crate::mutants::places::{Place, Places};
use crate::mutants::slot::{End, Slot, each};
use crate::mutants::switches::{Switch, Switched};
use crate::mutants::tree;
use crate::mutants::trials::{self, Trials};
use crate::{servers, shell};

/// What no test of their own package notices, a run from the outside may.
const FROM_OUTSIDE: &[&str] = &["dunlin-driver-postgres", "dunlin-engine"];
const OUTSIDE: &str = "dunlin-tests";

/// After so many outcomes they are written down.
const OFTEN: usize = 20;

/// Tries every mutant whose description matches, or all; fails if one survives.
pub(crate) fn run(root: &Path, pattern: Option<&str>, is_again: bool) -> Result<()> {
    ensure!(shell::has_cargo(root, "mutants"), "`cargo install --locked cargo-mutants` installs what this needs");
    let since = Instant::now();
    let work = root.join("target/mutants");
    fs::create_dir_all(&work)?;
    let list = List::read(root, &work)?;
    let matching = Regex::new(pattern.unwrap_or_default())?;
    let outcomes = Outcomes::of(root, &list);
    let is_chosen =
        |mutant: &Mutant| matching.is_match(&mutant.name) && !(is_again && outcomes.get(mutant).is_settled());
    let chosen: BTreeSet<usize> = (0..list.mutants.len()).filter(|&number| is_chosen(&list.mutants[number])).collect();
    let packages: BTreeSet<&String> = chosen.iter().map(|&number| &list.mutants[number].package).collect();
    let mut copy = Copy { root, work: &work, mutants: &list.mutants, chosen: chosen.clone(), outcomes };
    for package in packages {
        copy.package(package)?;
        copy.outcomes.write(root)?;
    }
    print!("{}", copy.outcomes.by_package());
    println!("{}", outcomes::last(root));
    println!("{} were tried, in {} minutes", chosen.len(), since.elapsed().as_secs() / 60);
    let survivors = list.mutants.iter().filter(|mutant| copy.outcomes.get(mutant).is_survival());
    let survivors: Vec<&str> = survivors.map(|mutant| mutant.name.as_str()).collect();
    ensure!(survivors.is_empty(), "no test notices\n{}", survivors.join("\n"));
    Ok(())
}

/// The copy of the repository with the mutants that are tried.
struct Copy<'r> {
    root: &'r Path,
    work: &'r Path,
    mutants: &'r [Mutant],
    /// Those behind a switch.
    chosen: BTreeSet<usize>,
    outcomes: Outcomes,
}

impl Copy<'_> {
    /// Tries the mutants of one package.
    fn package(&mut self, package: &str) -> Result<()> {
        let is_from_outside = FROM_OUTSIDE.contains(&package);
        let names: Vec<String> =
            [package].into_iter().chain(is_from_outside.then_some(OUTSIDE)).map(str::to_owned).collect();
        let programs = self.build(&names)?;
        let dunlin = is_from_outside.then(|| build::dunlin(&self.tree(), &self.target())).transpose()?;
        if is_from_outside {
            servers::install()?;
        }
        let slots = thread::available_parallelism()?.get();
        let slots =
            (0..slots).map(|slot| Slot::new(self.work.join(format!("slot{slot}")), &programs, dunlin.as_deref()));
        let slots: Vec<Slot> = slots.collect::<Result<_>>()?;
        let trials = Trials::record(&slots, &programs)?;
        let mine: Vec<usize> =
            self.chosen.iter().copied().filter(|&number| self.mutants[number].package == package).collect();
        println!("{package}: {} tests, {} mutants", trials.len(), mine.len());
        let one = |slot: &Slot, &number: &usize| outcome(slot, &trials, number, &self.mutants[number].file);
        let mut count = 0;
        each(&slots, &mine, one, |&number, outcome| {
            let mutant = &self.mutants[number];
            self.outcomes.set(mutant, outcome);
            count += 1;
            if outcome.is_survival() {
                let whether = if outcome == Outcome::Unreached { ", and is reached by none" } else { "" };
                println!("{count}/{}: fails no test{whether}: {}", mine.len(), mutant.name);
            }
            if count % OFTEN == 0 { self.outcomes.write(self.root) } else { Ok(()) }
        })
    }

    fn tree(&self) -> PathBuf {
        self.work.join("tree")
    }

    fn target(&self) -> PathBuf {
        self.work.join("build")
    }

    /// Builds tests of packages, without the mutants that the compiler refuses.
    fn build(&mut self, packages: &[String]) -> Result<Vec<Program>> {
        loop {
            let files = self.write()?;
            let built = build::tests(&self.tree(), &self.target(), packages)?;
            if built.refused.is_empty() {
                return Ok(trials::without_long(built.programs));
            }
            let refused = built.refused.iter().map(|refusal| blamed(&files, refusal)).collect::<Result<Vec<_>>>()?;
            let refused: BTreeSet<usize> = refused.into_iter().flatten().collect();
            println!("{} do not compile", refused.len());
            for number in refused {
                self.drop(number, Outcome::Unviable);
            }
        }
    }

    fn drop(&mut self, number: usize, outcome: Outcome) {
        self.chosen.remove(&number);
        self.outcomes.set(&self.mutants[number], outcome);
    }

    /// Writes the copy; returns the files with switches.
    fn write(&mut self) -> Result<BTreeMap<String, Switched>> {
        let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &number in &self.chosen {
            by_file.entry(&self.mutants[number].file).or_default().push(number);
        }
        let (mut files, mut changed) = (BTreeMap::new(), BTreeMap::new());
        for (file, numbers) in by_file {
            let text = fs::read_to_string(self.root.join(file))?;
            let places = Places::of(&text)?;
            let mut switches = Vec::new();
            for number in numbers {
                let mutant = &self.mutants[number];
                let place = places.of_mutant(&text, mutant);
                match place {
                    Place::Unviable => self.drop(number, Outcome::Unviable),
                    Place::Unswitchable => self.drop(number, Outcome::Unswitchable),
                    place => switches.push(Switch { number, place, replacement: &mutant.replacement }),
                }
            }
            let switched = Switched::new(&text, &switches);
            let package = file.split_once("/src/").context("code lies in `src`")?.0;
            changed.extend(tree::switch(self.root, Path::new(package), self.mutants.len())?);
            changed.insert(PathBuf::from(file), switched.text.clone());
            files.insert(file.to_owned(), switched);
        }
        tree::write(self.root, &self.tree(), &changed)?;
        Ok(files)
    }
}

/// Runs what may notice a mutant, until something does.
fn outcome(slot: &Slot, trials: &Trials, number: usize, file: &str) -> Result<Outcome> {
    let groups = trials.of(number, file);
    for group in &groups {
        match slot.mutate(number, group.program, &group.names, group.limit())? {
            End::Passed => continue,
            End::Failed => trials.notice(file, group),
            End::TooLate => return Ok(Outcome::Endless),
        }
        return Ok(Outcome::Caught);
    }
    Ok(if groups.is_empty() { Outcome::Unreached } else { Outcome::Survived })
}

/// The mutants that a mistake in the copy is due to.
fn blamed(files: &BTreeMap<String, Switched>, refusal: &Refusal) -> Result<HashSet<usize>> {
    let mut ranges = refusal.places.iter().filter_map(|(file, range)| Some((files.get(file)?, range)));
    let own = ranges.clone().find_map(|(file, range)| file.of_one(range));
    let numbers = own.map(|number| vec![number]).or_else(|| ranges.find_map(|(file, range)| file.of_several(range)));
    let numbers =
        numbers.with_context(|| format!("the copy does not build, for no mutant's sake\n{}", refusal.text))?;
    Ok(numbers.into_iter().collect())
}
