//! A private tree of PostgreSQL 17 with timescaledb and pg_cron, beside whatever the machine has.
//!
//! The packages of a release that has them all are downloaded and unpacked ([`apt`]), and made to use
//! the tree's own C library: every program gets the tree's loader and library path. An RPATH, unlike a RUNPATH, also
//! holds for libraries that are loaded later, so extensions stay untouched. No root is needed and nothing outside the
//! home changes. The tree cannot be moved, as a loader's path is absolute.

use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use crate::apt::{self, Source};
use crate::debian::{PACKAGES, WHAT};
use crate::error::DevdbError;
use crate::lock::Lock;
use crate::program;

/// The release whose packages are taken.
const SUITE: &str = "trixie";

/// Part of the tree's name. A tree of another recipe stays as it is, because servers may run on it.
const RECIPE: u32 = 1;

/// What the packages depend on but an unpacked server does not need; apt is told that it is installed.
const NOT_NEEDED: &str = "adduser debconf init-system-helpers libpam-modules libpam-modules-bin locales netbase \
    openssl perl perl-base postgresql-client-common postgresql-common postgresql-common-dev readline-common \
    sensible-utils ssl-cert ucf libllvm15 libllvm16 libllvm17 libllvm18 libllvm19 libllvm20 libllvm21 libllvm22 \
    libllvm23 libllvm24";

/// Documentation, and the just-in-time compiler, whose libraries are left out.
const SUPERFLUOUS: [&str; 7] = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/lib/postgresql/17/lib/llvmjit.so",
    "usr/lib/postgresql/17/lib/bitcode",
];

/// The tree, whether it exists or not.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn new(home: &Path) -> Self {
        Self { root: home.join(format!("postgresql-17-r{RECIPE}")) }
    }

    pub(crate) fn bindir(&self) -> PathBuf {
        self.root.join("usr/lib/postgresql/17/bin")
    }

    /// Whether the installation went to its end, and at this very path.
    pub(crate) fn is_complete(&self) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|at| Path::new(&at) == self.root)
    }

    fn stamp(&self) -> PathBuf {
        self.root.join("complete")
    }

    /// Makes the tree. The lock is held by every program that works on it, so no two installations meet.
    pub(crate) fn install(&self, mirror: &str, lock: &Lock, progress: &dyn Fn(&str)) -> Result<(), DevdbError> {
        let work = self.root.with_extension("new");
        remove(&work)?;
        fs::create_dir_all(&work)?;
        progress("downloading PostgreSQL 17 with timescaledb and pg_cron, about 50 MB");
        let source = Source { mirror, suite: SUITE, present: NOT_NEEDED };
        let packages = source.download(&work.join("apt"), &[&["patchelf"], &PACKAGES[..]].concat(), lock)?;
        progress("unpacking PostgreSQL 17");
        let new = work.join("tree");
        apt::unpack(&packages, &new, lock)?;
        SUPERFLUOUS.iter().try_for_each(|path| remove(&new.join(path)))?;
        self.link(&new, lock)?;
        remove(&self.root)?;
        fs::rename(&new, &self.root)?;
        program::run(program::clean(&self.bindir().join("postgres")).arg("--version"))?;
        fs::write(self.stamp(), self.root.as_os_str().as_encoded_bytes())?;
        remove(&work)
    }

    /// Makes the programs of a new tree use its libraries at the place where it will be, and checks that none lacks
    /// one.
    fn link(&self, new: &Path, lock: &Lock) -> Result<(), DevdbError> {
        let libc = find(&new.join("usr/lib"), |path| path.join("libc.so.6").exists())?;
        let loader = find(&libc, |path| name_of(path).starts_with("ld-linux-"))?;
        let at = |path: &Path| self.root.join(path.strip_prefix(new).expect("found below the new tree"));
        let loaded = || {
            let mut command = Command::new(&loader);
            command.arg("--library-path").arg(&libc);
            command
        };
        let server = new.join("usr/lib/postgresql/17");
        let programs = binaries(&server.join("bin"))?;
        let mut patchelf = loaded();
        patchelf.arg(new.join("usr/bin/patchelf")).arg("--set-interpreter").arg(at(&loader));
        program::run_locked(patchelf.arg("--force-rpath").arg("--set-rpath").arg(at(&libc)).args(&programs), lock)?;
        for file in programs.into_iter().chain(binaries(&server.join("lib"))?) {
            let output = program::run(loaded().arg("--list").arg(&file))?;
            if output.contains("not found") {
                return Err(DevdbError::Unresolved { file, output });
            }
        }
        Ok(())
    }
}

/// The programs and libraries of a directory, without symbolic links.
fn binaries(dir: &Path) -> Result<Vec<PathBuf>, DevdbError> {
    let is_binary = |path: &PathBuf| {
        let mut magic = [0; 4];
        let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        !path.is_symlink() && read.is_ok() && magic == *b"\x7fELF"
    };
    Ok(paths(dir)?.into_iter().filter(is_binary).collect())
}

fn find(dir: &Path, is_it: impl Fn(&Path) -> bool) -> Result<PathBuf, DevdbError> {
    let missing = DevdbError::Unsupported { what: WHAT, reason: "the packages lack a C library" };
    paths(dir)?.into_iter().find(|path| is_it(path)).ok_or(missing)
}

pub(crate) fn paths(dir: &Path) -> Result<Vec<PathBuf>, DevdbError> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    Ok(entries.collect::<io::Result<_>>()?)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Removes a file or directory that may be missing.
pub(crate) fn remove(path: &Path) -> Result<(), DevdbError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
