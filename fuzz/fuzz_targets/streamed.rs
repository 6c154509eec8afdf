//! A file that is read in pieces is the file that is held.

#![no_main]

use dunlin_sql::{Scan, Sizes, Source, StreamError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (block, window, bytes) = input;
    let sizes = Sizes { block: 32 + usize::from(block), window: 1 + usize::from(window), ..Sizes::default() };
    match (Source::read(bytes), Scan::read(bytes, sizes)) {
        (Err(held), Err(StreamError::Unfit(streamed))) => assert_eq!(streamed, held),
        (Ok(held), Ok(streamed)) if held.problems().is_empty() => {
            assert_eq!(streamed.digests, held.digests());
            assert_eq!(streamed.statements, held.statements().len() as u64);
        }
        (held, streamed) => assert_eq!(held.is_ok(), streamed.is_ok()),
    }
});
