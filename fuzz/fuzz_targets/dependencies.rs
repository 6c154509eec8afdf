//! Dependency files, as YAML and as TOML.

#![no_main]

use dunlin_project::{MAX_HELD, Request, read};
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "[project]\nname = \"p\"\ndependencies = [\"d.yml\", \"d.toml\"]\n";

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    for (name, content) in [("dunlin.toml", CONFIG.as_bytes()), ("d.yml", bytes), ("d.toml", bytes)] {
        std::fs::write(dir.path().join(name), content).expect("it can be written to");
    }
    let start_dir = dir.path().to_owned();
    let request = Request { config: None, start_dir, environment: None, variables: &|_| None, held: MAX_HELD };
    assert!(read(&request).is_ok());
});
