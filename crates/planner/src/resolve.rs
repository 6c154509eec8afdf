//! Looks up what dependency files and headers name: `set/version`, `service/version` or a bare version.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    Catalog, DependencyEntry, DependencyFile, Finding, Migration, MigrationIx, Place, ServiceName, SetName, Version,
};

/// Finds migrations by the names that files use.
pub(crate) struct Resolver<'a> {
    catalog: &'a Catalog,
    by_set: HashMap<(&'a SetName, &'a Version), MigrationIx>,
    by_version: HashMap<&'a Version, Vec<MigrationIx>>,
    services: BTreeMap<&'a str, &'a ServiceName>,
}

/// The entries of one dependency file, by version.
type Entries<'a> = HashMap<Version, Vec<&'a DependencyEntry>>;

/// Who asks for a migration, and where.
#[derive(Clone, Copy)]
struct Asker<'p> {
    /// Nobody is told to depend on itself.
    migration: Option<MigrationIx>,
    place: &'p Place,
}

/// A declared edge: this migration needs that one, as said there.
pub(crate) type Declared = (MigrationIx, MigrationIx, Place);

impl<'a> Resolver<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        let mut by_set = HashMap::new();
        let mut by_version: HashMap<_, Vec<_>> = HashMap::new();
        for (number, migration) in catalog.migrations.iter().enumerate() {
            by_set.insert((migration.set(), &migration.id.version), MigrationIx(number));
            by_version.entry(&migration.id.version).or_default().push(MigrationIx(number));
        }
        let services = catalog
            .services
            .values()
            .flat_map(|service| {
                std::iter::once(&service.name).chain(&service.aliases).map(|name| (name.as_str(), &service.name))
            })
            .collect();
        Self { catalog, by_set, by_version, services }
    }

    /// Every declared edge of files and headers; what cannot be looked up becomes a finding.
    pub(crate) fn declared(&self, findings: &mut Vec<Finding>) -> Vec<Declared> {
        let mut edges = Vec::new();
        for (number, migration) in self.catalog.migrations.iter().enumerate() {
            for reference in &migration.depends {
                let asker = Asker { migration: Some(MigrationIx(number)), place: &reference.place };
                match self.reference(&reference.text, &Entries::new(), asker) {
                    Ok(needed) => edges.push((MigrationIx(number), needed, reference.place.clone())),
                    Err(finding) => findings.push(self.about(finding, &migration.id.to_string())),
                }
            }
        }
        for file in &self.catalog.dependencies {
            let own = entries(file);
            for entry in &file.entries {
                self.entry(&own, entry, &mut edges, findings);
            }
        }
        edges
    }

    fn entry(
        &self,
        own: &Entries<'_>,
        entry: &DependencyEntry,
        edges: &mut Vec<Declared>,
        findings: &mut Vec<Finding>,
    ) {
        let asker = Asker { migration: None, place: &entry.place };
        let dependent = self.qualified(&entry.service, &entry.version, asker);
        if let Err(finding) = &dependent {
            findings.push(Finding { message: format!("an entry names {}", finding.message), ..finding.clone() });
        }
        let name = format!("{}/{}", entry.service, entry.version);
        for reference in &entry.dependencies {
            let asker = Asker { migration: dependent.as_ref().ok().copied(), place: &reference.place };
            match self.reference(&reference.text, own, asker) {
                Ok(needed) => edges.extend(dependent.as_ref().ok().map(|ix| (*ix, needed, reference.place.clone()))),
                Err(finding) => findings.push(self.about(finding, &name)),
            }
        }
    }

    fn about(&self, finding: Finding, dependent: &str) -> Finding {
        let message = format!("`{dependent}` depends on {}", finding.message);
        Finding { message, ..finding }
    }

    fn reference(&self, text: &str, own: &Entries<'_>, asker: Asker<'_>) -> Result<MigrationIx, Finding> {
        if let Some((owner, version)) = text.split_once('/') {
            return self.qualified(owner, version, asker);
        }
        match Version::new(text).ok().and_then(|version| own.get(&version)).map(Vec::as_slice) {
            None => self.unique(text, self.with_version(text), asker),
            Some([entry]) => self.qualified(&entry.service, &entry.version, asker),
            Some(entries) => {
                let found: BTreeSet<_> = entries
                    .iter()
                    .filter_map(|entry| self.qualified(&entry.service, &entry.version, asker).ok())
                    .collect();
                self.unique(text, found.into_iter().collect(), asker)
            }
        }
    }

    fn with_version(&self, text: &str) -> Vec<MigrationIx> {
        Version::new(text).ok().and_then(|version| self.by_version.get(&version).cloned()).unwrap_or_default()
    }

    /// `owner/version`, where the owner is a set, a service or a service's alias.
    fn qualified(&self, owner: &str, version: &str, asker: Asker<'_>) -> Result<MigrationIx, Finding> {
        let text = format!("{owner}/{version}");
        let Ok(version) = Version::new(version) else { return Err(self.missing(&text, asker)) };
        let set = SetName::new(owner).ok().filter(|set| self.catalog.sets.contains_key(set));
        if let Some(found) = set.and_then(|set| self.by_set.get(&(&set, &version)).copied()) {
            return Ok(found);
        }
        let Some(service) = self.services.get(owner) else {
            let known = self.catalog.sets.contains_key(&SetName::new(owner).unwrap_or_else(|_| unnamed()));
            return Err(if known { self.missing(&text, asker) } else { self.unknown_owner(&text, owner, asker.place) });
        };
        let found = self.catalog.sets.values().filter(|set| set.service == **service);
        self.unique(&text, found.filter_map(|set| self.by_set.get(&(&set.name, &version)).copied()).collect(), asker)
    }

    fn unique(&self, text: &str, found: Vec<MigrationIx>, asker: Asker<'_>) -> Result<MigrationIx, Finding> {
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(self.missing(text, asker)),
            several => {
                let ids: Vec<_> = several.iter().map(|ix| format!("`{}`", self.migration(*ix).id)).collect();
                let finding =
                    Finding::error("dependency-ambiguous", format!("`{text}`, which could be {}", ids.join(" or ")));
                Err(finding.at(asker.place.clone()).hint(format!("write the whole id, such as {}", ids[0])))
            }
        }
    }

    fn missing(&self, text: &str, asker: Asker<'_>) -> Finding {
        let version = text.rsplit('/').next().unwrap_or(text);
        let hint = match self.with_version(version).iter().find(|ix| Some(**ix) != asker.migration) {
            Some(ix) => format!("did you mean `{}`?", self.migration(*ix).id),
            None => self.similar(text, asker.migration).map_or_else(
                || "add that migration, or remove the dependency".to_owned(),
                |id| format!("did you mean `{id}`? Otherwise add that migration, or remove the dependency"),
            ),
        };
        let finding =
            Finding::error("dependency-missing", format!("`{}`, which no migration set contains", text.escape_debug()));
        finding.at(asker.place.clone()).hint(hint)
    }

    fn unknown_owner(&self, text: &str, owner: &str, place: &Place) -> Finding {
        let known = self.services.keys().copied().chain(self.catalog.sets.keys().map(SetName::as_str));
        let hint = closest(owner, known).map_or_else(
            || "services and sets are declared in dunlin.toml".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
        let message =
            format!("`{}`, but `{}` is neither a service nor a set", text.escape_debug(), owner.escape_debug());
        Finding::error("owner-unknown", message).at(place.clone()).hint(hint)
    }

    fn similar(&self, text: &str, asker: Option<MigrationIx>) -> Option<String> {
        let others =
            self.catalog.migrations.iter().enumerate().filter(|(number, _)| asker != Some(MigrationIx(*number)));
        let ids: Vec<_> = others.map(|(_, migration)| migration.id.to_string()).collect();
        closest(text, ids.iter().map(String::as_str)).map(str::to_owned)
    }

    fn migration(&self, ix: MigrationIx) -> &'a Migration {
        &self.catalog.migrations[ix.0]
    }
}

fn entries(file: &DependencyFile) -> Entries<'_> {
    let mut entries = Entries::new();
    for entry in &file.entries {
        if let Ok(version) = Version::new(&entry.version) {
            entries.entry(version).or_default().push(entry);
        }
    }
    entries
}

fn unnamed() -> SetName {
    SetName::new("-").expect("a dash is a name")
}

/// The nearest of `known`, if it is near enough to be what was meant.
#[must_use]
pub fn closest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}
