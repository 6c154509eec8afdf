//! Where the binary is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use fs_err as fs;
use nix::fcntl::{Flock, FlockArg};

use crate::workspace::repository;

/// The binary `dunlin` of the profile that this test was built with. `cargo xtask test` builds it beforehand; where it
/// is missing, the first test that needs it builds it while the others wait.
///
/// # Panics
/// If it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("a running test has a file");
        // target/PROFILE/deps/TEST
        let profile = test.ancestors().nth(2).expect("tests are two directories below the target directory");
        let binary = profile.join("dunlin");
        let lock = fs::File::create(profile.join("dunlin-tests.lock")).expect("the target directory can be written");
        let lock = Flock::lock(lock.into_parts().0, FlockArg::LockExclusive).map_err(|(_, error)| error);
        let _lock = lock.expect("files of the target directory can be locked");
        if !binary.exists() {
            build(profile);
        }
        binary
    })
}

fn build(profile: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "dunlin-cli"]).current_dir(repository());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "`cargo build --package dunlin-cli` failed");
}
