//! What became of mutants, kept below the directory of the build and told wherever counts are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::mutants::list::{List, Mutant};

const FILE: &str = "target/mutants/outcomes.json";

/// What became of one mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// A test failed.
    Caught,
    /// A test did not come to its end.
    Endless,
    /// The compiler refused it.
    Unviable,
    /// No switch can be around it.
    Unswitchable,
    /// Nobody noticed.
    Survived,
    /// No test comes to that place.
    Unreached,
    /// Not known since the code was changed.
    Untried,
}

impl Outcome {
    pub(crate) fn is_survival(self) -> bool {
        matches!(self, Self::Survived | Self::Unreached)
    }

    /// Whether there is nothing to find out again.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Caught | Self::Endless | Self::Unviable)
    }
}

/// What is known of all mutants.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    /// How many more survive for a written reason.
    excused: usize,
    /// By package and name.
    packages: BTreeMap<String, BTreeMap<String, Outcome>>,
}

impl Outcomes {
    /// What earlier runs found out about the mutants there are now.
    pub(crate) fn of(root: &Path, list: &List) -> Self {
        let known = Self::read(root).unwrap_or_default();
        let mut this = Self { excused: list.excused, packages: BTreeMap::new() };
        list.mutants.iter().for_each(|mutant| this.set(mutant, known.get(mutant)));
        this
    }

    fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(FILE)).context("it was not run")?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        Ok(fs::write(root.join(FILE), serde_json::to_string_pretty(self)?)?)
    }

    pub(crate) fn get(&self, mutant: &Mutant) -> Outcome {
        let known = self.packages.get(&mutant.package).and_then(|package| package.get(&mutant.name));
        known.copied().unwrap_or(Outcome::Untried)
    }

    pub(crate) fn set(&mut self, mutant: &Mutant, outcome: Outcome) {
        self.packages.entry(mutant.package.clone()).or_default().insert(mutant.name.clone(), outcome);
    }

    /// A line for each package.
    pub(crate) fn by_package(&self) -> String {
        let lines =
            self.packages.iter().map(|(name, package)| format!("{name}: {}\n", told(package.values().copied())));
        lines.collect()
    }

    fn told(&self) -> String {
        let all = told(self.packages.values().flat_map(BTreeMap::values).copied());
        format!("{all}; {} more survive for a written reason", self.excused)
    }
}

/// The counts that are known, if any are.
pub(crate) fn last(root: &Path) -> String {
    format!("mutants: {}", counts(root).unwrap_or_else(|error| format!("none known, {error}")))
}

/// What came of the mutants, where they were tried.
pub(crate) fn counts(root: &Path) -> Result<String> {
    Ok(Outcomes::read(root)?.told())
}

fn told(outcomes: impl Iterator<Item = Outcome> + Clone) -> String {
    let count = |of: &[Outcome]| outcomes.clone().filter(|outcome| of.contains(outcome)).count();
    let parts = [
        (count(&[Outcome::Caught]), "fail a test"),
        (count(&[Outcome::Endless]), "let one go on for ever"),
        (count(&[Outcome::Unviable]), "do not compile"),
        (count(&[Outcome::Unswitchable]), "cannot be behind a switch"),
        (count(&[Outcome::Untried]), "were not tried"),
        (count(&[Outcome::Survived, Outcome::Unreached]), "survive"),
    ];
    let parts: Vec<String> = parts.iter().map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}, of which {}", outcomes.clone().count(), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told() {
        let known = r#"{"excused": 2, "packages": {"a": {"1": "caught", "2": "unreached"}, "b": {"1": "survived"}}}"#;
        let outcomes: Outcomes = serde_json::from_str(known).unwrap();
        let told = "3, of which 1 fail a test, 0 let one go on for ever, 0 do not compile, 0 cannot be behind a switch, \
            0 were not tried, 2 survive; 2 more survive for a written reason";
        assert_eq!(outcomes.told(), told);
        assert!(outcomes.by_package().starts_with("a: 2, of which 1 fail a test"), "{}", outcomes.by_package());
        assert!(last(Path::new("nowhere")).starts_with("mutants: none known, it was not run"));
    }
}
