//! `dunlin.toml`, on its own: read, or refused with a finding.

#![no_main]

use dunlin_project::{MAX_HELD, Request, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    std::fs::write(dir.path().join("dunlin.toml"), bytes).expect("it can be written to");
    let start_dir = dir.path().to_owned();
    let request = Request { config: None, start_dir, environment: None, variables: &|_| None, held: MAX_HELD };
    if let Err(failure) = read(&request) {
        assert!(!failure.findings.is_empty());
    }
});
