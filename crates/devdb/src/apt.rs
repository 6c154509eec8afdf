//! Debian's packages without installing them: downloaded with a state of apt that is not the machine's, and unpacked.
//!
//! Needs no root, and changes nothing outside the directories that are named.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use fs_err as fs;

use crate::error::DevdbError;
use crate::lock::Lock;
use crate::program;
use crate::tree::paths;

/// Where packages come from.
pub(crate) struct Source<'a> {
    pub(crate) mirror: &'a str,
    /// The release.
    pub(crate) suite: &'a str,
    /// What apt is told that is there already, parted by blanks.
    pub(crate) present: &'a str,
}

impl Source<'_> {
    /// Downloads the packages and what they need, with a state of apt in `dir`, and returns their files.
    pub(crate) fn download(&self, dir: &Path, packages: &[&str], lock: &Lock) -> Result<Vec<PathBuf>, DevdbError> {
        fs::create_dir_all(dir.join("lists/partial"))?;
        fs::create_dir_all(dir.join("archives/partial"))?;
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        fs::write(
            dir.join("sources.list"),
            format!("deb [signed-by={keyring}] {} {} main\n", self.mirror, self.suite),
        )?;
        let architecture = program::run(Command::new("dpkg").arg("--print-architecture"))?;
        fs::write(dir.join("status"), self.installed(architecture.trim_end()))?;
        fs::write(dir.join("apt.conf"), configuration(dir))?;
        let apt = |arguments: &[&str]| -> Result<(), DevdbError> {
            let mut command = Command::new("apt-get");
            command.env("LC_ALL", "C").env("APT_CONFIG", dir.join("apt.conf"));
            program::run_locked(command.arg("--quiet").args(arguments), lock).map(drop)
        };
        apt(&["update"])?;
        apt(&[&["install", "--download-only"], packages].concat())?;
        let files = paths(&dir.join("archives"))?;
        Ok(files.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "deb")).collect())
    }

    /// The status file that makes apt leave out what is not needed.
    fn installed(&self, architecture: &str) -> String {
        let entry = |package| {
            format!(
                "Package: {package}\nStatus: install ok installed\nVersion: 99:99\nArchitecture: {architecture}\n\
             Maintainer: none <none@localhost>\nDescription: not needed\n\n"
            )
        };
        self.present.split_whitespace().map(entry).collect()
    }
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"Dir::State "{dir}";
Dir::State::Lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}";
Dir::Cache::archives "{dir}/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::SourceList "{dir}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "1";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Debug::NoLocking "1";
"#
    )
}

/// Unpacks the packages, as many at once as there are processors.
pub(crate) fn unpack(packages: &[PathBuf], tree: &Path, lock: &Lock) -> Result<(), DevdbError> {
    fs::create_dir_all(tree)?;
    let queue = Mutex::new(packages.iter());
    let next = || queue.lock().expect("no thread panics with the queue locked").next();
    let work = || -> Result<(), DevdbError> {
        while let Some(package) = next() {
            program::run_locked(Command::new("dpkg-deb").arg("--extract").arg(package).arg(tree), lock)?;
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("unpacking does not panic"))
    })?;
    Ok(fs::set_permissions(tree, PermissionsExt::from_mode(0o755))?)
}
