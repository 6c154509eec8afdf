//! Random projects, and ledgers that follow from running plans on them.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    Action, Catalog, Digest, Kind, Ledger, LedgerRow, Observed, Place, Plan, Probe, QualifiedName, Reference, RowState,
    StepIx, StoredDependency, TargetName, Timestamp,
};

use super::{Fixture, migration, statement};

/// SplitMix64: numbers that follow from their seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// The shape of a project: which set each migration is in, and which needs which.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The target of each set.
    pub(crate) sets: Vec<usize>,
    /// Sets (first) that come after others (second).
    pub(crate) after: Vec<(usize, usize)>,
    /// The set and the kind of each migration; versions count upwards in this order.
    pub(crate) migrations: Vec<(usize, Kind)>,
    /// Migrations (first) that need others (second).
    pub(crate) needs: BTreeSet<(usize, usize)>,
}

impl Shape {
    /// A shape out of numbers of any size, free of cycles.
    pub(crate) fn acyclic(mut self) -> Self {
        let wrap = |(left, right): (usize, usize), bound: usize| {
            let (left, right) = (left % bound, right % bound);
            (left.max(right), left.min(right))
        };
        let sets = self.sets.len();
        self.migrations.iter_mut().for_each(|(set, _)| *set %= sets);
        self.after =
            self.after.iter().map(|pair| wrap(*pair, sets)).filter(|(later, earlier)| later != earlier).collect();
        if !self.after.is_empty() {
            self.migrations.sort_by_key(|(set, _)| *set);
        }
        let count = self.migrations.len();
        self.needs = std::mem::take(&mut self.needs)
            .into_iter()
            .map(|pair| wrap(pair, count))
            .filter(|(later, earlier)| later != earlier && self.migrations[*earlier].1 != Kind::Repeatable)
            .collect();
        self
    }

    pub(crate) fn random(random: &mut Random) -> Self {
        let sets = (0..=random.below(5)).map(|_| random.below(3)).collect();
        let after = (0..random.below(3)).map(|_| (random.below(6), random.below(6))).collect();
        let kinds = [Kind::Versioned, Kind::Versioned, Kind::Versioned, Kind::Repeatable, Kind::Seed];
        let count = 1 + random.below(24);
        let migrations = (0..count).map(|_| (random.below(6), kinds[random.below(5)])).collect();
        let needs = (0..random.below(count * 2)).map(|_| (random.below(count), random.below(count))).collect();
        Self { sets, after, migrations, needs }.acyclic()
    }

    /// The id of the migration at `number`.
    pub(crate) fn id(&self, number: usize) -> String {
        let (set, kind) = self.migrations[number];
        format!("s{set}/{}{number}", if kind == Kind::Repeatable { "R" } else { "" })
    }

    pub(crate) fn catalog(&self) -> Catalog {
        let mut text = "policy seeds\n".to_owned();
        for target in self.sets.iter().collect::<BTreeSet<_>>() {
            text += &format!("target t{target} postgres\n");
        }
        for (set, target) in self.sets.iter().enumerate() {
            let after: Vec<_> = self
                .after
                .iter()
                .filter(|(later, _)| *later == set)
                .map(|(_, earlier)| format!("s{earlier}"))
                .collect();
            text += &format!("set s{set} t{target} out-of-order after {}\n", after.join(" "));
        }
        let mut catalog = Fixture::parse(&text).catalog;
        for (number, (_, kind)) in self.migrations.iter().enumerate() {
            let mut migration = migration(&self.id(number), *kind);
            match number % 10 {
                4 => migration.up.statements = vec![statement(Some(Probe::Repeat))],
                // Index builds on one of three tables.
                5..8 => {
                    let table = QualifiedName { schema: None, name: format!("t{}", number % 3) };
                    let probe = Probe::IndexValid { index: format!("i{number}"), table, shape: None };
                    migration.up.statements = vec![statement(Some(probe))];
                }
                _ => {}
            }
            catalog.migrations.push(migration);
        }
        for (later, earlier) in &self.needs {
            let reference = Reference { text: self.id(*earlier), place: Place::file("needs") };
            catalog.migrations[*later].depends.push(reference);
        }
        catalog
    }
}

/// What the databases of a catalog say before anything ran.
pub(crate) fn observe(catalog: &Catalog) -> BTreeMap<TargetName, Observed> {
    let text: String = catalog.targets.keys().map(|name| format!("target {name} postgres\nledger {name}\n")).collect();
    Fixture::parse(&text).observed
}

/// Writes into the ledgers what these steps of `plan` write once they are done.
pub(crate) fn apply(
    observed: &mut BTreeMap<TargetName, Observed>,
    plan: &Plan,
    steps: impl IntoIterator<Item = StepIx>,
) {
    for step in steps.into_iter().map(|ix| plan.step(ix)) {
        let needed = match &step.action {
            Action::Apply { after, .. } => after.as_slice(),
            Action::Revert { .. } => &[],
        };
        let stored = needed
            .iter()
            .filter(|needed| needed.declared)
            .map(|needed| StoredDependency { id: needed.id.clone(), ledger: needed.target.as_str().parse().unwrap() });
        let row = LedgerRow {
            id: step.id.clone(),
            name: step.name.clone(),
            kind: step.kind,
            transactional: step.body.is_transactional(),
            state: if matches!(step.action, Action::Apply { .. }) { RowState::Applied } else { RowState::Reverted },
            checksum: step.checksum,
            tokens: Digest::of(format!("up tokens {}", step.id).as_bytes()),
            step: 0,
            begun: Vec::new(),
            run: "r1".parse().unwrap(),
            attempt: 1,
            dependencies: stored.collect(),
            started: Timestamp(1),
            finished: Some(Timestamp(2)),
            by: "deployer".to_owned(),
            holder: None,
        };
        let Some(Observed::Facts(facts)) = observed.get_mut(&step.target) else { panic!("every target is observed") };
        let Ledger::Present { rows, .. } = &mut facts.ledger else { panic!("every ledger is there") };
        rows.insert(step.id.clone(), row);
    }
}
