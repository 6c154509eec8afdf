//! Directories of files: a copy of the example fleet's, or a few files that a test writes.

use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::TempDir;
use walkdir::WalkDir;

/// The repository's directory.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the repository")
}

/// A directory that goes with the test.
#[derive(Debug)]
pub struct Workspace {
    dir: TempDir,
}

impl Workspace {
    /// A directory with these files.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let this = Self { dir: tempfile::tempdir().expect("a temporary directory can be made") };
        files.iter().for_each(|(path, text)| this.write(path, text));
        this
    }

    /// A project `small` with these targets, as names and URLs, and these services, as names and targets. The files of
    /// service `app` lie in `migrations/app`.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn project(targets: &[(&str, &str)], services: &[(&str, &str)]) -> Self {
        let targets =
            targets.iter().map(|(name, url)| format!("[targets.{name}]\nkind = \"postgres\"\nurl = \"{url}\"\n\n"));
        let services = services.iter().map(|(name, target)| {
            format!("[services.{name}]\ntarget = \"{target}\"\npath = \"migrations/{name}\"\n\n")
        });
        let project: String =
            std::iter::once("[project]\nname = \"small\"\n\n".to_owned()).chain(targets).chain(services).collect();
        let this = Self::of(&[("dunlin.toml", &project)]);
        fs::create_dir(this.path("migrations")).expect("a directory can be made");
        this
    }

    /// A project with one database and one service `app`.
    #[must_use]
    pub fn small(url: &str) -> Self {
        Self::project(&[("main", url)], &[("app", "main")])
    }

    /// A copy of the example fleet.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn fleet() -> Self {
        let this = Self::of(&[]);
        for top in ["migrations", "configs"] {
            for entry in WalkDir::new(repository().join(top)) {
                let entry = entry.expect("the example fleet can be read");
                let place = this.path(entry.path().strip_prefix(repository()).expect("it is below the repository"));
                if entry.file_type().is_dir() {
                    fs::create_dir(place).expect("the copy can be written");
                } else {
                    fs::copy(entry.path(), place).expect("the copy can be written");
                }
            }
        }
        this
    }

    /// Its path.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The path of a file in it.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.dir().join(file)
    }

    /// Writes a file, with the directories above it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory can be made");
        fs::write(path, text).expect("a file can be written");
    }

    /// Changes a file.
    ///
    /// # Panics
    /// If it does not contain `from`.
    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).expect("the file can be read");
        assert!(text.contains(from), "`{file}` does not contain `{from}`");
        self.write(file, &text.replace(from, to));
    }
}
