//! ClickHouse 18.16 out of Debian's packages, unpacked beside whatever the machine has.
//!
//! Only one release of Debian has it. Its programs also run on the C and C++ libraries of later releases, which are the
//! machine's own; everything else that they need is unpacked with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use crate::account::Account;
use crate::apt::{self, Source};
use crate::debian::Release;
use crate::error::DevdbError;
use crate::home::Home;
use crate::lock::Lock;
use crate::place::{Place, write_whole};
use crate::tree::{paths, remove};

/// The release whose packages are taken.
const SUITE: &str = "bookworm";

/// Part of the tree's name. A tree of another recipe stays as it is, because servers may run on it.
const RECIPE: u32 = 1;

/// What every machine has, and what an unpacked server does not need.
const PRESENT: &str = "adduser debconf init-system-helpers libc6 libgcc1 libgcc-s1 libstdc++6 mariadb-common mysql-common \
    openssl ca-certificates";

/// The programs of the server.
pub(crate) struct ClickHouse;

impl ClickHouse {
    /// The directory of its program, which is installed if need be.
    pub(crate) fn provide(home: &Home, progress: &dyn Fn(&str)) -> Result<PathBuf, DevdbError> {
        let home = home.create()?;
        let root = home.join(format!("clickhouse-18.16-r{RECIPE}"));
        let bindir = root.join("usr/sbin");
        if !root.exists() {
            let lock = Lock::exclusive(&home.join("install.lock"), || progress("waiting for another installation"))?;
            if !root.exists() {
                install(&root, &lock, progress)?;
            }
        }
        Ok(bindir)
    }

    /// The command that is the server, until it is told to stop.
    pub(crate) fn command(place: &Place, bindir: &Path, account: &Account) -> Result<Command, DevdbError> {
        let root = bindir.ancestors().nth(2).expect("the programs are two directories below the tree");
        let mut libraries = Vec::new();
        for dir in [root.join("usr/lib"), root.join("lib")].iter().filter(|dir| dir.is_dir()) {
            libraries.extend(paths(dir)?.into_iter().filter(|path| path.to_string_lossy().ends_with("-gnu")));
        }
        let libraries = std::env::join_paths(libraries).expect("a home has plain characters");
        let mut server = account.command(Path::new("setsid"));
        server.env("LD_LIBRARY_PATH", libraries).arg(bindir.join("clickhouse-server"));
        server.arg(format!("--config-file={}", place.conf().display()));
        Ok(server)
    }

    /// Writes the files that it is configured by.
    pub(crate) fn configure(place: &Place, port: u16, settings: &[(String, String)]) -> Result<(), DevdbError> {
        write_whole(&place.dir().join("users.xml"), USERS)?;
        let data = place.data();
        let (data, users) = (data.display(), place.dir().join("users.xml"));
        let more = elements(settings);
        let text = format!(
            "<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <path>{data}/</path>
  <tmp_path>{data}/tmp/</tmp_path>
  <users_config>{}</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size>
  <timezone>UTC</timezone>
{more}</yandex>
",
            users.display()
        );
        write_whole(&place.conf(), &text)
    }
}

/// What a caller wants in the configuration.
pub(crate) fn elements(settings: &[(String, String)]) -> String {
    settings.iter().map(|(name, value)| format!("  <{name}>{value}</{name}>\n")).collect()
}

/// Everybody who can connect is trusted; `reader` has a password, and may only read.
const USERS: &str = "<yandex>
  <profiles><default></default><reading><readonly>1</readonly></reading></profiles>
  <users>
    <default>
      <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    </default>
    <reader>
      <password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>reading</profile><quota>default</quota>
    </reader>
  </users>
  <quotas><default></default></quotas>
</yandex>
";

/// Makes the tree in one step, so that one which is there is whole.
fn install(root: &Path, lock: &Lock, progress: &dyn Fn(&str)) -> Result<(), DevdbError> {
    let release = Release::read()?;
    let work = root.with_extension("new");
    remove(&work)?;
    fs::create_dir_all(&work)?;
    progress("downloading ClickHouse 18.16, about 30 MB");
    let source = Source { mirror: &release.mirror()?, suite: SUITE, present: PRESENT };
    let packages = source.download(&work.join("apt"), &["clickhouse-server"], lock)?;
    let new = work.join("tree");
    apt::unpack(&packages, &new, lock)?;
    remove(&new.join("usr/share"))?;
    fs::rename(&new, root)?;
    remove(&work)
}
