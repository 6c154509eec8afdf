//! PgBouncer out of Debian's packages: the one that the machine has, or one of the machine's own release beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use crate::account::Account;
use crate::apt::{self, Source};
use crate::debian::Release;
use crate::error::DevdbError;
use crate::home::Home;
use crate::lock::Lock;
use crate::program;
use crate::recipe::Flavour;
use crate::tree::{paths, remove};

const SYSTEM: &str = "/usr/sbin/pgbouncer";

/// What every machine of that release has, and what an unpacked program does not need.
const PRESENT: &str = "adduser init-system-helpers libc6 libpam0g libpam0t64 libssl3 libssl3t64 libsystemd0 \
    libldap-2.5-0 libldap2 lsb-base postgresql-common ssl-cert sysvinit-utils";

/// The program, and where it finds libraries that the machine may lack.
pub(crate) struct Bouncer {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

impl Bouncer {
    /// The program of this machine, which is installed if need be.
    pub(crate) fn provide(home: &Home, progress: &dyn Fn(&str)) -> Result<Self, DevdbError> {
        if Path::new(SYSTEM).exists() {
            return Ok(Self { program: SYSTEM.into(), libraries: None });
        }
        let home = home.create()?;
        let release = Release::read()?;
        let root = home.join(format!("pgbouncer-{}", release.codename));
        if !root.exists() {
            let lock = Lock::exclusive(&home.join("install.lock"), || progress("waiting for another installation"))?;
            if !root.exists() {
                progress("downloading PgBouncer");
                install(&root, &release, &lock)?;
            }
        }
        Self::of(&root)
    }

    fn of(root: &Path) -> Result<Self, DevdbError> {
        let libraries = paths(&root.join("usr/lib"))?.into_iter().find(|dir| dir.to_string_lossy().ends_with("-gnu"));
        Ok(Self { program: root.join("usr/sbin/pgbouncer"), libraries })
    }

    /// A command with the variables that it needs: itself, or another one that runs it.
    pub(crate) fn command(&self, account: &Account, outer: &Path) -> Command {
        let mut command = account.command(outer);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

/// Makes the tree in one step, so that one which is there is whole.
fn install(root: &Path, release: &Release, lock: &Lock) -> Result<(), DevdbError> {
    let work = root.with_extension("new");
    remove(&work)?;
    fs::create_dir_all(&work)?;
    let source = Source { mirror: &release.mirror()?, suite: &release.codename, present: PRESENT };
    let packages = source.download(&work.join("apt"), &["pgbouncer"], lock)?;
    let new = work.join("tree");
    apt::unpack(&packages, &new, lock)?;
    let bouncer = Bouncer::of(&new)?;
    // This fails where a library is missing.
    program::run(bouncer.command(&Account::choose(Flavour::Plain)?, bouncer.program()).arg("--version"))?;
    fs::rename(&new, root)?;
    remove(&work)
}
