//! ClickHouse as it is today, as far as a test needs it: its engine comes in a package of Python's, and [`bridge.py`](SCRIPT)
//! puts the HTTP interface before it.
//!
//! The packages are unpacked and never installed: what else they ask for is not needed. The server runs as whoever started
//! it, for nobody else might reach that one's Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use crate::account::Account;
use crate::clickhouse::elements;
use crate::error::DevdbError;
use crate::home::Home;
use crate::lock::Lock;
use crate::place::{Place, write_whole};
use crate::program;
use crate::tree::{paths, remove};

/// Engine and its Python side; they belong together.
const PACKAGES: [&str; 2] = ["chdb==4.4.0", "chdb-core==26.9.0"];

/// Part of the tree's name.
const VERSION: &str = "chdb-26.9-r1";

const SCRIPT: &str = include_str!("bridge.py");

/// Python, and the packages that it runs.
pub(crate) struct Wheels;

impl Wheels {
    /// The directory of the packages, which are downloaded if need be.
    pub(crate) fn provide(home: &Home, progress: &dyn Fn(&str)) -> Result<PathBuf, DevdbError> {
        let home = home.create()?;
        let root = home.join(VERSION);
        if !root.exists() {
            let lock = Lock::exclusive(&home.join("install.lock"), || progress("waiting for another installation"))?;
            if !root.exists() {
                install(&root, &lock, progress)?;
            }
        }
        Ok(root)
    }

    /// The command that is the server, until it is told to stop.
    pub(crate) fn command(place: &Place, root: &Path, account: &Account) -> Result<Command, DevdbError> {
        let python = fs::read_to_string(root.join("python"))?;
        let mut server = account.command(Path::new("setsid"));
        server.arg(python).arg("-B").arg(place.dir().join("bridge.py")).arg(place.conf());
        Ok(server)
    }

    /// Writes the files that it is configured by.
    pub(crate) fn configure(
        place: &Place,
        root: &Path,
        port: u16,
        settings: &[(String, String)],
    ) -> Result<(), DevdbError> {
        write_whole(&place.dir().join("bridge.py"), SCRIPT)?;
        let engine = place.dir().join("engine.xml");
        write_whole(&engine, &format!("<clickhouse>\n{}</clickhouse>\n", elements(settings)))?;
        let data = format!("file:{}?config-file={}", place.data().display(), engine.display());
        write_whole(&place.conf(), &format!("{port}\n{}\n{data}\n", root.display()))
    }
}

/// Makes the tree in one step, so that one which is there is whole.
fn install(root: &Path, lock: &Lock, progress: &dyn Fn(&str)) -> Result<(), DevdbError> {
    let work = root.with_extension("new");
    remove(&work)?;
    fs::create_dir_all(&work)?;
    let python = python()?;
    progress("downloading the engine of ClickHouse 26.9, about 180 MB");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--dest"]).arg(work.join("wheels")).args(PACKAGES);
    program::run_locked(&mut pip, lock)?;
    progress("unpacking the engine of ClickHouse 26.9");
    let new = work.join("tree");
    for wheel in paths(&work.join("wheels"))? {
        program::run_locked(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(wheel).arg(&new), lock)?;
    }
    fs::write(new.join("python"), &python)?;
    fs::rename(&new, root)?;
    remove(&work)
}

/// The caller's Python, by a path that needs no variable.
fn python() -> Result<String, DevdbError> {
    let mut command = Command::new("python3");
    match program::run(command.args(["-c", "import sys; print(sys.executable)"])) {
        Ok(path) => Ok(path.trim_end().to_owned()),
        Err(_) => {
            Err(DevdbError::Unsupported { what: "the engine of ClickHouse 26.9", reason: "there is no `python3`" })
        }
    }
}
