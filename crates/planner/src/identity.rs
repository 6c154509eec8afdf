//! Whether a database is the one that its ledger was made in; a clone, a dump restored elsewhere and another environment's
//! ledger are found by it, and explained.
//!
//! A physical copy that is used alone looks like a server after a failover: only its timeline tells. It is refused where the
//! original is in the same configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::adopt::How;
use crate::check::Observations;
use crate::databases::Databases;
use crate::{
    Catalog, Class, EnvironmentName, Failure, FailureClass, Finding, Identity, Ledger, LedgerId, Observed, TargetFacts,
    TargetName,
};

/// What a database is to the one that its ledger was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// The same, as far as anybody can tell.
    Same,
    /// The same on a later timeline: after a failover, or restored to an earlier moment.
    Later,
    /// Another database of the same server.
    Sibling,
    /// A database of another server.
    Elsewhere,
}

impl Identity {
    /// Whether the server told who it is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.timeline > 0
    }

    /// What this database is to the one where its ledger was `born`.
    #[must_use]
    pub fn kinship(&self, born: Option<&Self>) -> Kinship {
        match born {
            None => Kinship::Same,
            Some(born) if !self.is_known() && self.database == born.database => Kinship::Same,
            Some(born) if self.system != born.system => Kinship::Elsewhere,
            Some(born) if self.database != born.database => Kinship::Sibling,
            Some(born) if self.timeline > born.timeline => Kinship::Later,
            Some(_) => Kinship::Same,
        }
    }

    /// The same, for whoever is about to write into that ledger.
    ///
    /// # Errors
    /// A [`Failure`] of class [`FailureClass::Estranged`], where this is another database.
    pub fn recognise(&self, born: Option<&Self>) -> Result<Kinship, Failure> {
        let kinship = self.kinship(born);
        match born.filter(|_| kinship.is_other()) {
            None => Ok(kinship),
            Some(born) => {
                let message = format!("this ledger was made in {born}, and this is {self}");
                let hint = format!("{}; `dunlin plan` says what to do", kinship.cause());
                Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Estranged, message) })
            }
        }
    }
}

impl EnvironmentName {
    /// Whether a run that is for `asked` may write into a ledger that bears the stamp of this environment.
    ///
    /// # Errors
    /// A [`Failure`] of class [`FailureClass::Estranged`], where it is for another one or for none.
    pub fn admits(&self, asked: Option<&Self>) -> Result<(), Failure> {
        if asked == Some(self) {
            return Ok(());
        }
        let asked = asked.map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
        let message = format!("this ledger belongs to environment `{self}`, and the run is for {asked}");
        let hint = format!("check the target's URL; `--env {self}` is what this database was migrated with");
        Err(Failure { hint: Some(hint), ..Failure::new(FailureClass::Estranged, message) })
    }
}

impl Kinship {
    /// Whether it is another database.
    #[must_use]
    pub fn is_other(self) -> bool {
        matches!(self, Self::Sibling | Self::Elsewhere)
    }

    /// How a database comes to be that.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::Same => "it was renamed, or nothing happened",
            Self::Later => "its server was promoted, or restored to an earlier moment",
            Self::Sibling => "it was copied with TEMPLATE, or dropped and restored",
            Self::Elsewhere => "its dump was restored on another server, or the server was replaced or upgraded",
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {} of system {}", self.database, self.system)
    }
}

/// What is wrong, or worth knowing, with the identity of the databases.
#[derive(Default)]
pub(crate) struct Identities {
    pub(crate) findings: Vec<Finding>,
    /// Whose rows say nothing of this configuration.
    strangers: BTreeSet<TargetName>,
}

impl Identities {
    pub(crate) fn judge(catalog: &Catalog, observed: &Observations) -> Self {
        let mut this = Self::default();
        let databases = Databases::of(observed);
        this.copies(catalog, observed, &databases);
        for facts in observed.values().filter_map(Observed::facts).filter(|facts| databases.is_first(&facts.target)) {
            let Ledger::Present { environment, born, .. } = &facts.ledger else { continue };
            if this.strangers.contains(&facts.target) {
                continue;
            }
            let other = environment.as_ref().filter(|stamped| Some(*stamped) != catalog.environment.as_ref());
            let finding = match (born, facts.identity.kinship(born.as_ref())) {
                (Some(born), kinship) if kinship.is_other() => moved(catalog, facts, born, kinship, other),
                (Some(born), Kinship::Later) if other.is_none() => later(facts, born),
                _ => match other {
                    Some(stamped) => of_another_environment(catalog, facts, stamped),
                    None => continue,
                },
            };
            if finding.is_error() {
                this.strangers.insert(facts.target.clone());
            }
            this.findings.push(finding.at(catalog.targets.get(&facts.target).map(|target| target.place.clone())));
        }
        this
    }

    /// Whether what its ledger says is about another database than this configuration means.
    pub(crate) fn is_stranger(&self, target: &TargetName) -> bool {
        self.strangers.contains(target)
    }

    /// Different databases with one ledger: nobody could tell which of them a dependency means.
    fn copies(&mut self, catalog: &Catalog, observed: &Observations, databases: &Databases<'_>) {
        let mut holders: BTreeMap<&LedgerId, Vec<&TargetFacts>> = BTreeMap::new();
        for facts in observed.values().filter_map(Observed::facts) {
            if let Ledger::Present { id, .. } = &facts.ledger
                && databases.is_first(&facts.target)
            {
                holders.entry(id).or_default().push(facts);
            }
        }
        for holders in holders.into_values().filter(|holders| holders.len() > 1) {
            // What a standby holds is its primary's.
            let (standbys, holders): (Vec<_>, Vec<_>) = holders.into_iter().partition(|facts| facts.standby);
            self.strangers.extend(standbys.iter().map(|facts| facts.target.clone()));
            if holders.len() > 1 {
                let place = catalog.targets.get(&holders[0].target).map(|target| target.place.clone());
                self.findings.push(copied(&holders).at(place));
                self.strangers.extend(holders.iter().map(|facts| facts.target.clone()));
            }
        }
    }
}

/// A server that only follows another one, in a plan that would write to it, or rely on what it has received so far.
pub(crate) fn standbys(catalog: &Catalog, observed: &Observations) -> Vec<Finding> {
    let standby = |facts: &TargetFacts| {
        let message = format!("the server of `{}` is a standby: it takes no writes, and may lag behind", facts.target);
        let hint = "let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted";
        let place = catalog.targets.get(&facts.target).map(|target| target.place.clone());
        Finding::error("standby", message).class(Class::Blocked).hint(hint).at(place)
    };
    observed.values().filter_map(Observed::facts).filter(|facts| facts.standby).map(standby).collect()
}

fn copied(holders: &[&TargetFacts]) -> Finding {
    let kinship = |facts: &TargetFacts| match &facts.ledger {
        Ledger::Present { born, .. } => facts.identity.kinship(born.as_ref()),
        Ledger::Absent => Kinship::Same,
    };
    let names: Vec<_> = holders.iter().map(|facts| format!("`{}`", facts.target)).collect();
    let physical = holders.iter().all(|facts| {
        (&facts.identity.system, facts.identity.database) == (&holders[0].identity.system, holders[0].identity.database)
    });
    let how = if physical {
        let timelines: Vec<_> = holders.iter().map(|facts| facts.identity.timeline.to_string()).collect();
        format!("they are physical copies, on servers of their own, timelines {}", timelines.join(" and "))
    } else {
        let copies = holders.iter().filter(|facts| kinship(facts).is_other());
        let copies: Vec<_> = copies.map(|facts| format!("`{}` is a copy", facts.target)).collect();
        if copies.is_empty() { "one is a copy of the other".to_owned() } else { copies.join(", ") }
    };
    let message = format!("{} hold the same ledger, and are different databases: {how}", names.join(" and "));
    let copy = holders.iter().max_by_key(|facts| kinship(facts)).expect("there are several");
    let hint = format!(
        "take one of them out of the configuration; or let the copy go its own way: {}",
        How::Fork.command(&copy.target)
    );
    Finding::error("database-copied", message).class(Class::Drift).hint(hint)
}

fn moved(
    catalog: &Catalog,
    facts: &TargetFacts,
    born: &Identity,
    kinship: Kinship,
    stamped: Option<&EnvironmentName>,
) -> Finding {
    let (target, now) = (&facts.target, &facts.identity);
    let this = match kinship {
        Kinship::Sibling => format!("database {} of the same server", now.database),
        _ => now.to_string(),
    };
    let fork = How::Fork.command(target);
    let (belongs, hint) = match stamped {
        Some(stamped) => (
            format!(", which belongs to environment `{stamped}` while this is for {}", named(catalog)),
            format!("check the target's URL; or, if this copy is to go its own way from here, say {fork}"),
        ),
        None => (
            String::new(),
            format!(
                "{}: if it goes its own way from here, say {fork}; if it takes the place of that one, say {}",
                kinship.cause(),
                How::AfterRestore.command(target)
            ),
        ),
    };
    let message =
        format!("`{target}` is not the database that its ledger was made in{belongs}: that was {born}, this is {this}");
    Finding::error("database-other", message).class(Class::Drift).hint(hint)
}

fn named(catalog: &Catalog) -> String {
    catalog.environment.as_ref().map_or_else(|| "none".to_owned(), |name| format!("`{name}`"))
}

fn later(facts: &TargetFacts, born: &Identity) -> Finding {
    let (target, now) = (&facts.target, facts.identity.timeline);
    let message = format!(
        "`{target}` is on timeline {now}, and was on {}: {}; what it may have lost shows as pending",
        born.timeline,
        Kinship::Later.cause()
    );
    Finding::note("timeline-grew", message)
}

fn of_another_environment(catalog: &Catalog, facts: &TargetFacts, stamped: &EnvironmentName) -> Finding {
    let message = format!("`{}` belongs to environment `{stamped}`, and this is for {}", facts.target, named(catalog));
    let hint = format!("check the target's URL; `--env {stamped}` is what this database was migrated with");
    Finding::error("environment-other", message).class(Class::Drift).hint(hint)
}
