//! The files of a migration set: every `.sql` file under its folders, each once, none from outside the project.
//!
//! Links are followed, because a Kubernetes ConfigMap is mounted as links into a hidden directory; a file that two of
//! them reach counts once. Names that begin with a dot are skipped, as are files that are no `.sql` files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dunlin_planner::{Finding, Place};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use crate::config::services::Declared;
use crate::disk;
use crate::jobs;
use crate::words::printable;

/// One file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its path from the project's root, as messages name it.
    pub(crate) shown: String,
    /// Its path from the set's folder, as styles read it.
    pub(crate) inside: String,
    /// Where its bytes are.
    pub(crate) canonical: PathBuf,
}

/// What lies in a set's folders.
#[derive(Default)]
pub(crate) struct Listing {
    /// The set's files, in the order of their paths.
    pub(crate) files: Vec<Found>,
    /// The declarations of jobs.
    pub(crate) jobs: Vec<Found>,
    /// `.sql` files that `include` does not take.
    pub(crate) passed_over: Vec<Found>,
    /// `.sql` files that `exclude` names.
    pub(crate) excluded: Vec<Found>,
}

/// Lists the files of `set`; `root` is canonical.
pub(crate) fn list(root: &Path, set: &Declared, findings: &mut Vec<Finding>) -> Listing {
    let include = globs(&set.include, findings);
    let exclude = globs(&set.exclude, findings);
    let mut listing = Listing::default();
    let mut seen = BTreeSet::new();
    for (path, place) in &set.paths {
        let Some(folder) = folder(root, path, place, findings) else { continue };
        let mut walk = Walk { root, folder: &folder, shown: path.trim_end_matches('/'), files: Vec::new(), findings };
        walk.run();
        for file in walk.files {
            if !seen.insert(file.canonical.clone()) {
                continue;
            }
            let is_jobs = file.inside == jobs::FILE;
            match (matches(&exclude, &file.inside), set.include.is_empty() || matches(&include, &file.inside)) {
                (true, _) => listing.excluded.push(file),
                (false, true) if is_jobs => listing.jobs.push(file),
                (false, true) => listing.files.push(file),
                (false, false) => listing.passed_over.push(file),
            }
        }
    }
    listing
}

/// Patterns without slash are for file names, others for paths from the set's folder on.
fn matches(globs: &GlobSet, inside: &str) -> bool {
    let name = inside.rsplit('/').next().unwrap_or(inside);
    globs.is_match(inside) || globs.is_match(name)
}

fn globs(patterns: &[(String, Place)], findings: &mut Vec<Finding>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for (pattern, place) in patterns {
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => drop(builder.add(glob)),
            Err(error) => {
                let message = format!("`{}` is not a pattern: {}", printable(pattern), error.kind());
                findings.push(Finding::error("config-value", message).at(place.clone()));
            }
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// The canonical folder, which must be one and lie inside the project.
fn folder(root: &Path, path: &str, place: &Place, findings: &mut Vec<Finding>) -> Option<PathBuf> {
    let mut refuse = |why: String, hint: Option<&str>| {
        let finding = Finding::error("path-invalid", format!("path `{}` {why}", printable(path))).at(place.clone());
        findings.push(Finding { hint: hint.map(str::to_owned), ..finding });
    };
    let canonical = match fs_err::canonicalize(root.join(path)) {
        Ok(canonical) => canonical,
        Err(error) => {
            refuse(format!("cannot be opened: {}", disk::cause(&error)), Some("paths count from the project's root"));
            return None;
        }
    };
    if !canonical.starts_with(root) {
        refuse(
            "leads out of the project".to_owned(),
            Some("move the folder into the project, or the configuration above both"),
        );
        return None;
    }
    if !canonical.is_dir() {
        refuse("is not a directory".to_owned(), None);
        return None;
    }
    Some(canonical)
}

struct Walk<'a> {
    root: &'a Path,
    folder: &'a Path,
    shown: &'a str,
    files: Vec<Found>,
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn run(&mut self) {
        let mut entries = WalkDir::new(self.folder).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if is_hidden(entry.path()) => {
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    let inside = self.entry(&entry);
                    if !inside && entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Err(error) if error.path().is_some_and(is_hidden) => {}
                Err(error) => self.failed(&error),
            }
        }
    }

    /// Takes an entry up; false when it must not be entered.
    fn entry(&mut self, entry: &DirEntry) -> bool {
        let path = entry.path();
        let (inside, shown) = self.names(path);
        let canonical = if entry.path_is_symlink() || entry.file_type().is_file() {
            fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
        } else {
            path.to_owned()
        };
        if !canonical.starts_with(self.root) {
            let message = format!("`{}` is a link that leads out of the project", printable(&shown));
            self.findings
                .push(Finding::error("path-outside", message).at(Place::file(&shown)).hint("copy the file instead"));
            return false;
        }
        let is_sql = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
        let is_jobs = inside == jobs::FILE;
        if entry.file_type().is_dir() || !(is_sql || is_jobs) {
            return true;
        }
        if !entry.file_type().is_file() {
            self.findings.push(disk::unreadable(&shown, "it is not a regular file"));
        } else if path.to_str().is_none() {
            self.findings.push(disk::unreadable(&shown, "its name is not UTF-8"));
        } else {
            self.files.push(Found { shown, inside, canonical });
        }
        true
    }

    /// The path from the folder on, and from the root on.
    fn names(&self, path: &Path) -> (String, String) {
        let inside = disk::relative(self.folder, path);
        let shown = if self.shown == "." { inside.clone() } else { format!("{}/{inside}", self.shown) };
        (inside, shown)
    }

    fn failed(&mut self, error: &walkdir::Error) {
        let shown = error.path().map_or_else(|| self.shown.to_owned(), |path| self.names(path).1);
        let why = match (error.loop_ancestor(), error.io_error()) {
            (Some(ancestor), _) => {
                format!("it is a link back to `{}`, which holds it", disk::relative(self.root, ancestor))
            }
            (None, Some(error)) => disk::cause(error),
            (None, None) => "it cannot be entered".to_owned(),
        };
        self.findings.push(disk::unreadable(&shown, &why));
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
