//! The files of a new migration, named as its set names them.
//!
//! Nothing is written here: the command line does that. What the last migration of the set looks like decides where style
//! leaves a choice (which folder, how wide the number, which suffix).

use std::path::Path;

use dunlin_planner::{Catalog, Finding, Kind, Migration, Set, SetName, Version};

/// A file to write, relative to the project's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where.
    pub path: String,
    /// What it begins with.
    pub text: String,
}

/// What a new migration is to be.
#[derive(Debug, Clone, Copy)]
pub struct DraftRequest<'a> {
    /// Its set.
    pub set: &'a str,
    /// What it does, in a few words.
    pub description: &'a str,
    /// Its version, where one is wanted.
    pub version: Option<&'a str>,
    /// The moment as fourteen digits, from the year to the second.
    pub now: &'a str,
}

/// The up and the down file of a new migration; `folder` is where a set without migrations keeps its files.
///
/// # Errors
/// A [`Finding`] when there is no such set, or when the description holds no word.
pub fn draft(
    catalog: &Catalog,
    folder: impl Fn(&SetName) -> Option<String>,
    request: &DraftRequest<'_>,
) -> Result<Vec<NewFile>, Finding> {
    let set = find(catalog, request.set)?;
    let words = words(request.description)?;
    let mut members: Vec<_> = catalog.migrations.iter().filter(|migration| *migration.set() == set.name).collect();
    members.retain(|migration| migration.kind == Kind::Versioned);
    members.sort_by(|left, right| left.id.version.cmp(&right.id.version));
    let last = members.last().copied();
    let home = last.map_or_else(|| folder(&set.name).unwrap_or_default(), |last| parent(&last.up.path));
    let names = Names { catalog, set, last, home, words, request };
    let (up, down) = match set.style.as_str() {
        "flyway" => names.flyway(),
        "timestamp-service" => names.timestamp_service(),
        "timestamp-phase" => names.timestamp_phase(),
        _ => names.up_down(),
    };
    let description = request.description;
    Ok(vec![
        NewFile { path: up, text: format!("-- Migration: {description}\n") },
        NewFile { path: down, text: format!("-- Rollback: {description}\n") },
    ])
}

fn find<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Set, Finding> {
    let owner = |set: &&Set| {
        let service = &catalog.services[&set.service];
        service.name.as_str() == name || service.aliases.iter().any(|alias| alias.as_str() == name)
    };
    let exact = catalog.sets.values().find(|set| set.name.as_str() == name);
    let owned: Vec<_> = catalog.sets.values().filter(owner).collect();
    match (exact, owned.as_slice()) {
        (Some(set), _) => Ok(set),
        (None, [set]) => Ok(*set),
        (None, several) => {
            let list = if several.is_empty() { catalog.sets.values().collect() } else { owned };
            let names: Vec<_> = list.iter().map(|set| set.name.as_str()).collect();
            let finding = Finding::error("set-unknown", format!("there is no set `{}`", name.escape_debug()));
            Err(finding.hint(format!("choose one of: {}", names.join(", "))))
        }
    }
}

fn words(description: &str) -> Result<Vec<String>, Finding> {
    let words: Vec<_> = description
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        return Err(Finding::error("description-empty", "the description holds no word")
            .hint("say what it does: `add email column`"));
    }
    Ok(words)
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

fn join(folder: &str, file: &str) -> String {
    Path::new(folder).join(file).to_string_lossy().into_owned()
}

struct Names<'a> {
    catalog: &'a Catalog,
    set: &'a Set,
    last: Option<&'a Migration>,
    home: String,
    words: Vec<String>,
    request: &'a DraftRequest<'a>,
}

impl Names<'_> {
    fn flyway(&self) -> (String, String) {
        let (version, slug) = (self.next(1), self.words.join("_"));
        (join(&self.home, &format!("V{version}__{slug}.sql")), join(&self.home, &format!("U{version}__{slug}.sql")))
    }

    fn up_down(&self) -> (String, String) {
        let (version, slug) = (self.next(4), self.words.join("_"));
        let in_capitals = self.last.is_some_and(|last| last.up.path.ends_with("_UP.sql"));
        let [up, down] = if in_capitals { ["_UP.sql", "_DOWN.sql"] } else { [".up.sql", ".down.sql"] };
        let plain = self.last.is_some_and(|last| !last.up.path.to_lowercase().ends_with("up.sql"));
        let up = if plain { ".sql" } else { up };
        (join(&self.home, &format!("{version}_{slug}{up}")), join(&self.home, &format!("{version}_{slug}{down}")))
    }

    fn timestamp_service(&self) -> (String, String) {
        let file = format!("{}_{}_{}.sql", self.day_and_number(), self.set.service, self.words.join("_"));
        let trunk = match self.home.rsplit_once('/') {
            Some((trunk, "schema" | "data" | "seeds")) => trunk,
            _ => &self.home,
        };
        (join(trunk, &format!("schema/{file}")), join(trunk, &format!("rollback/{file}")))
    }

    fn timestamp_phase(&self) -> (String, String) {
        let version = self.request.version.unwrap_or(self.request.now);
        let capital = |word: &String| word[..1].to_uppercase() + &word[1..];
        let stem = format!("{version}_{}", self.words.iter().map(capital).collect::<String>());
        (join(&self.home, &format!("{stem}.sql")), join(&self.home, &format!("{stem}.down.sql")))
    }

    /// The version asked for, or the last one's last part plus one, as wide as it was.
    fn next(&self, width: usize) -> String {
        if let Some(version) = self.request.version {
            return version.to_owned();
        }
        let last = self.last.map_or("", |last| last.id.version.as_str());
        let digits = last.len() - last.trim_end_matches(|digit: char| digit.is_ascii_digit()).len();
        let (head, tail) = last.split_at(last.len() - digits);
        let width = if tail.is_empty() { width } else { tail.len() };
        format!("{head}{:0width$}", tail.parse::<u64>().unwrap_or(0) + 1)
    }

    /// Today with the next free number: versions of this style are often unique over all services.
    fn day_and_number(&self) -> String {
        if let Some(version) = self.request.version {
            return version.to_owned();
        }
        let day = &self.request.now[..8];
        let number = |version: &Version| version.as_str().strip_prefix(day)?.strip_prefix('_')?.parse::<u32>().ok();
        let taken = self.catalog.migrations.iter().filter_map(|migration| number(&migration.id.version)).max();
        format!("{day}_{:03}", taken.unwrap_or(0) + 1)
    }
}
