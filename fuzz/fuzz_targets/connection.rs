//! Connection strings: read, or refused, and never in a debug output.

#![no_main]

use dunlin_driver::TargetUrl;
use dunlin_driver_postgres::ConnectOptions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ConnectOptions::parse(&TargetUrl::new(text)) {
        Ok(options) => drop(format!("{options:?}")),
        Err(error) => drop(format!("{error}{}", error.hint())),
    }
});
