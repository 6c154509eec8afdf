//! PostgreSQL 17 with timescaledb and pg_cron out of Debian's packages.
//!
//! Three ways, tried in this order: programs that are there already; plain packages, if the machine's own release has
//! them and we are root; otherwise the private [`tree`](crate::tree), which needs no root.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use nix::unistd::geteuid;

use crate::error::DevdbError;
use crate::lock::Lock;
use crate::program;
use crate::tree::Tree;

/// What makes up a full server.
pub(crate) const PACKAGES: [&str; 3] = ["postgresql-17", "postgresql-17-timescaledb", "postgresql-17-cron"];

/// The same, for people.
pub(crate) const WHAT: &str = "PostgreSQL 17 with timescaledb and pg_cron";

/// Where a plain installation of the packages puts the programs, and the extensions' control files.
const BINDIR: &str = "/usr/lib/postgresql/17/bin";
const EXTENSIONS: &str = "/usr/share/postgresql/17/extension";

/// The directory of the full server's programs, which are installed if need be.
pub(crate) fn provide(home: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, DevdbError> {
    let tree = Tree::new(home);
    if let Some(bindir) = present(&tree) {
        return Ok(bindir);
    }
    let waiting = || progress("waiting for another run to install PostgreSQL 17");
    let lock = Lock::exclusive(&home.join("install.lock"), waiting)?;
    if let Some(bindir) = present(&tree) {
        return Ok(bindir);
    }
    let release = Release::read()?;
    if geteuid().is_root() && release.has_packages()? {
        install_packages(&lock, progress)?;
    } else {
        tree.install(&release.mirror()?, &lock, progress)?;
    }
    present(&tree).ok_or(DevdbError::Unsupported { what: WHAT, reason: "the packages lack an extension" })
}

fn present(tree: &Tree) -> Option<PathBuf> {
    if tree.is_complete() {
        return Some(tree.bindir());
    }
    let has = |extension: &str| Path::new(EXTENSIONS).join(extension).with_extension("control").exists();
    (Path::new(BINDIR).join("initdb").exists() && has("timescaledb") && has("pg_cron")).then(|| BINDIR.into())
}

/// The release of Debian that this machine runs.
pub(crate) struct Release {
    pub(crate) codename: String,
}

impl Release {
    pub(crate) fn read() -> Result<Self, DevdbError> {
        let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        if value("ID") != Some("debian") {
            return Err(DevdbError::Unsupported { what: "a server", reason: "this is not Debian" });
        }
        Ok(Self { codename: value("VERSION_CODENAME").unwrap_or("sid").trim_matches('"').to_owned() })
    }

    /// Whether this release has all packages. The release before the first with timescaledb is known not to, whatever
    /// other sources apt is told of: theirs would replace the machine's C library.
    fn has_packages(&self) -> Result<bool, DevdbError> {
        if self.codename == "bookworm" {
            return Ok(false);
        }
        let policy = program::run(Command::new("apt-cache").env("LC_ALL", "C").arg("policy").args(PACKAGES))?;
        let candidates = policy.lines().filter_map(|line| line.trim_start().strip_prefix("Candidate: "));
        Ok(candidates.filter(|version| *version != "(none)").count() == PACKAGES.len())
    }

    /// The mirror that apt is configured with.
    pub(crate) fn mirror(&self) -> Result<String, DevdbError> {
        let mut apt = Command::new("apt-get");
        let uris = program::run(apt.env("LC_ALL", "C").args(["update", "--print-uris"]))?;
        let marker = format!("/dists/{}/", self.codename);
        let mut mirrors = uris.lines().filter_map(|line| Some(line.strip_prefix('\'')?.split_once(&marker)?.0));
        let none = DevdbError::Unsupported { what: "a server", reason: "apt knows no mirror of Debian" };
        mirrors.next().map(str::to_owned).ok_or(none)
    }
}

fn install_packages(lock: &Lock, progress: &dyn Fn(&str)) -> Result<(), DevdbError> {
    progress("installing PostgreSQL 17 with timescaledb and pg_cron by apt-get");
    let config = Path::new("/etc/postgresql-common");
    fs::create_dir_all(config)?;
    let config = config.join("createcluster.conf");
    if !config.exists() {
        // Else the package makes and starts a cluster of its own on port 5432.
        fs::write(config, "create_main_cluster = false\n")?;
    }
    let mut apt = Command::new("apt-get");
    apt.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    apt.args(["--quiet", "--yes", "--no-install-recommends"]);
    apt.args(["-o", "Acquire::Retries=3", "-o", "Dpkg::Options::=--force-confold", "install"]).args(PACKAGES);
    program::run_locked(&mut apt, lock).map(drop)
}
