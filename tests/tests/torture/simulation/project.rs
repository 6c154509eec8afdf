//! Random projects, and what they ask for, worked out without the planner: by every pair of migrations.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_planner::{
    Bodies, Catalog, Kind, Migration, MigrationId, Missing, Place, Policy, Reference, Scope, Service, Set, Target,
    TargetKind, TargetName,
};

use super::body::{Texts, backward, batch, forward, repeatable};
use super::random::Random;

/// A set of migrations, by their numbers.
pub(crate) type Mask = u32;

/// The members of a mask.
pub(crate) fn members(mask: Mask) -> impl Iterator<Item = usize> {
    (0..32).filter(move |number| mask & (1 << number) != 0)
}

/// A project and the order that it asks for.
#[derive(Clone)]
pub(crate) struct Project {
    pub(crate) catalog: Catalog,
    pub(crate) texts: Arc<Texts>,
    pub(crate) number: BTreeMap<MigrationId, usize>,
    /// What has to be applied before each migration is.
    pub(crate) needs: Vec<Mask>,
    /// What comes before each migration in any plan that has both.
    pub(crate) before: Vec<Mask>,
    /// What has to be taken back before each migration is.
    pub(crate) holds: Vec<Mask>,
    revisions: usize,
}

/// The sets: which target and service each belongs to, and which others it comes after.
struct Sets {
    targets: Vec<usize>,
    services: Vec<usize>,
    after: Vec<(usize, usize)>,
}

impl Project {
    pub(crate) fn random(random: &mut Random) -> Self {
        let count = 1 + random.below(6);
        let after: Vec<_> = (0..random.below(3)).map(|_| (random.below(count), random.below(count))).collect();
        let sets = Sets {
            targets: (0..count).map(|_| random.below(3)).collect(),
            services: (0..count).map(|_| random.below(3)).collect(),
            after: after
                .into_iter()
                .map(|(one, other)| (one.max(other), one.min(other)))
                .filter(|(l, e)| l != e)
                .collect(),
        };
        let mut homes: Vec<_> = (0..3 + random.below(23)).map(|_| random.below(count)).collect();
        if !sets.after.is_empty() {
            homes.sort_unstable();
        }
        let mut texts = Texts::default();
        let mut catalog = sets.catalog();
        for (number, set) in homes.iter().enumerate() {
            catalog.migrations.push(migration(*set, number, &mut texts, random));
        }
        let mut edges = Edges::new(homes.len());
        edges.add_sequences(&catalog.migrations, &homes);
        for _ in 0..random.below(homes.len() * 2) {
            let (one, other) = (random.below(homes.len()), random.below(homes.len()));
            edges.declare(&mut catalog.migrations, one.max(other), one.min(other));
        }
        edges.add_after(&homes, &sets.after);
        let number = catalog.migrations.iter().enumerate().map(|(number, of)| (of.id.clone(), number)).collect();
        let [needs, before, held] = [closed(edges.needs), closed(edges.before), closed(edges.binds)];
        let holds = (0..held.len()).map(|one| mask((0..held.len()).filter(|other| held[*other] & (1 << one) != 0)));
        let holds = holds.collect();
        Self { catalog, texts: Arc::new(texts), number, needs, before, holds, revisions: 0 }
    }

    pub(crate) fn migration(&self, number: usize) -> &Migration {
        &self.catalog.migrations[number]
    }

    pub(crate) fn target(&self, number: usize) -> &TargetName {
        &self.catalog.sets[self.migration(number).set()].target
    }

    /// The tables and indexes that a migration makes.
    pub(crate) fn objects(&self, number: usize) -> Vec<String> {
        let body = &self.migration(number).up;
        let text = self.texts.open(&body.path, &body.digest).expect("every body has its text");
        let made = body.statements.iter().filter_map(|statement| {
            match text[statement.range.clone()].split(' ').collect::<Vec<_>>().as_slice() {
                ["CREATE", "TABLE", name] | ["CREATE", "INDEX", _, name, ..] => Some((*name).to_owned()),
                _ => None,
            }
        });
        made.collect()
    }

    /// Those chosen by `scope`, which names services, targets or sets, and everything they need.
    pub(crate) fn selected(&self, scope: &Scope) -> Mask {
        let names = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        let chosen = mask((0..self.catalog.migrations.len()).filter(|number| {
            let set = &self.catalog.sets[self.migration(*number).set()];
            names(&scope.services, set.service.as_str())
                && names(&scope.targets, set.target.as_str())
                && names(&scope.sets, set.name.as_str())
        }));
        members(chosen).fold(chosen, |all, number| all | self.needs[number])
    }

    /// Rewrites some repeatables.
    pub(crate) fn edit(&mut self, random: &mut Random) {
        self.revisions += 1;
        let mut texts = Texts::clone(&self.texts);
        for (number, migration) in self.catalog.migrations.iter_mut().enumerate() {
            if migration.kind == Kind::Repeatable && random.percent(50) {
                migration.up = texts.body(&migration.up.path, &repeatable(number, self.revisions, random));
            }
        }
        self.texts = Arc::new(texts);
    }
}

impl Sets {
    fn catalog(&self) -> Catalog {
        let place = Place::file("dunlin.toml");
        let target = |number: &usize| Target {
            name: format!("db{number}").parse().unwrap(),
            kind: TargetKind::Postgres,
            enabled: true,
            disposable: false,
            pause: Vec::new(),
            pause_wait: std::time::Duration::ZERO,
            place: place.clone(),
        };
        let service = |number: &usize| Service {
            name: format!("team{number}").parse().unwrap(),
            aliases: Vec::new(),
            place: place.clone(),
        };
        let set = |number: usize| Set {
            name: format!("s{number}").parse().unwrap(),
            service: format!("team{}", self.services[number]).parse().unwrap(),
            target: format!("db{}", self.targets[number]).parse().unwrap(),
            after: self
                .after
                .iter()
                .filter(|(later, _)| *later == number)
                .map(|(_, earlier)| (format!("s{earlier}").parse().unwrap(), place.clone()))
                .collect(),
            requires: Vec::new(),
            missing: Missing::Error,
            out_of_order: true,
            style: "flyway".to_owned(),
            place: place.clone(),
        };
        Catalog {
            project: "acme".parse().unwrap(),
            environment: None,
            targets: self.targets.iter().map(target).map(|target| (target.name.clone(), target)).collect(),
            services: self.services.iter().map(service).map(|service| (service.name.clone(), service)).collect(),
            sets: (0..self.targets.len()).map(set).map(|set| (set.name.clone(), set)).collect(),
            migrations: Vec::new(),
            dependencies: Vec::new(),
            made: Vec::new(),
            called: Vec::new(),
            policy: Policy { seeds: true, ..Policy::default() },
            findings: Vec::new(),
        }
    }
}

fn migration(set: usize, number: usize, texts: &mut Texts, random: &mut Random) -> Migration {
    let kind = random.one_of(&[Kind::Versioned, Kind::Versioned, Kind::Versioned, Kind::Repeatable, Kind::Seed]);
    let version = if kind == Kind::Repeatable { format!("R{number}") } else { number.to_string() };
    let has_down = random.percent(match kind {
        Kind::Versioned => 95,
        Kind::Repeatable => 40,
        Kind::Seed => 50,
    });
    // A seed without a down is forgotten, and must leave nothing that would be in its own way.
    let up = match kind {
        Kind::Versioned => forward(number, random),
        Kind::Seed if has_down => forward(number, random),
        Kind::Seed | Kind::Repeatable => repeatable(number, 0, random),
    };
    let down = has_down.then(|| texts.body(&format!("{number}.down"), &backward(&up, random)));
    let mut up = texts.body(&format!("{number}.up"), &up);
    if kind == Kind::Versioned && random.percent(12) {
        up = texts.body(&format!("{number}.up"), &[(format!("UPDATE {number}"), None)]);
        up.batch = Some(batch(number, random));
    }
    let down = match (&up.batch, down) {
        (Some(_), Some(_)) => Some(texts.body(&format!("{number}.down"), &[(format!("DELETE {number}"), None)])),
        (_, down) => down,
    };
    let id = MigrationId::new(format!("s{set}").parse().unwrap(), version.parse().unwrap());
    let place = Place::file(&up.path);
    Migration { id, name: number.to_string(), kind, phase: None, place, up, down, depends: Vec::new() }
}

/// The direct predecessors of each migration.
struct Edges {
    needs: Vec<Mask>,
    before: Vec<Mask>,
    /// Only where the earlier one cannot go while the later one is there.
    binds: Vec<Mask>,
}

impl Edges {
    fn new(count: usize) -> Self {
        Self { needs: vec![0; count], before: vec![0; count], binds: vec![0; count] }
    }

    /// In its set, what is versioned comes before every later version, and before every repeatable.
    fn add_sequences(&mut self, migrations: &[Migration], homes: &[usize]) {
        for later in 0..homes.len() {
            let kind = migrations[later].kind;
            let comes_first = |earlier: &usize| {
                homes[*earlier] == homes[later]
                    && migrations[*earlier].kind == Kind::Versioned
                    && (*earlier < later || kind == Kind::Repeatable)
            };
            let earlier = mask((0..homes.len()).filter(comes_first));
            self.needs[later] |= earlier;
            self.before[later] |= earlier;
            if kind != Kind::Repeatable {
                self.binds[later] |= earlier;
            }
        }
    }

    fn declare(&mut self, migrations: &mut [Migration], later: usize, earlier: usize) {
        if later == earlier || migrations[earlier].kind == Kind::Repeatable {
            return;
        }
        let text = migrations[earlier].id.to_string();
        let place = Place::file(&migrations[later].up.path);
        migrations[later].depends.push(Reference { text, place });
        for masks in [&mut self.needs, &mut self.before, &mut self.binds] {
            masks[later] |= 1 << earlier;
        }
    }

    fn add_after(&mut self, homes: &[usize], after: &[(usize, usize)]) {
        for (later, home) in homes.iter().enumerate() {
            for (_, first) in after.iter().filter(|(set, _)| set == home) {
                self.before[later] |= mask((0..homes.len()).filter(|earlier| homes[*earlier] == *first));
            }
        }
    }
}

fn mask(numbers: impl Iterator<Item = usize>) -> Mask {
    numbers.fold(0, |mask, number| mask | 1 << number)
}

/// With the predecessors of the predecessors.
fn closed(mut direct: Vec<Mask>) -> Vec<Mask> {
    loop {
        let further: Vec<_> =
            direct.iter().map(|mask| members(*mask).fold(*mask, |all, earlier| all | direct[earlier])).collect();
        if further == direct {
            return direct;
        }
        direct = further;
    }
}
