//! Many seeds, and one that is repeated.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dunlin_tests::Server;

use super::corpus::Corpus;
use super::grammar::script;
use super::judge::{Compared, compare};
use super::server::Reader;
use super::streamed;
use crate::simulation::random::Random;
use crate::tally::{Tally, Verdict, WORKERS, share};

/// Texts of each test.
const QUICK: usize = 3_000;
const FULL: usize = 300_000;

#[test]
fn random_scripts_end_their_statements_where_the_server_does() {
    against_the_server("generated texts", |random, _| script(random));
}

#[test]
fn changed_migrations_end_their_statements_where_the_server_does() {
    against_the_server("changed migrations", |random, corpus| corpus.changed(random));
}

#[test]
fn streamed_texts_are_read_as_held_ones() {
    let tally = Tally::new("streamed against held", "generated texts and changed migrations");
    let corpus = Corpus::read();
    let make = |random: &mut Random| if random.percent(50) { script(random) } else { corpus.changed(random) };
    tally.each(WORKERS, seeds(), |seed| {
        let mut random = Random(*seed);
        let text = make(&mut random);
        match catching(|| streamed::compare(&mut random, text.as_bytes())) {
            Ok(()) => Verdict::Recovered,
            Err(what) => Verdict::Wrong(told(*seed, &text, &what, "streamed_texts")),
        }
    });
    tally.end();
}

fn against_the_server(how: &'static str, make: impl Fn(&mut Random, &Corpus) -> String + Sync) {
    let server = Server::shared();
    let database = server.scratch();
    let corpus = Corpus::read();
    let readers: Mutex<Vec<Reader>> = Mutex::default();
    let (statements, right) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut tally = Tally::new("splitter against the server", how);
    let failed = AtomicBool::new(false);
    tally.each(WORKERS, seeds(), |seed| {
        // One failure is enough to look at, and the others are mostly the same.
        if failed.load(Ordering::Relaxed) {
            return Verdict::Missed;
        }
        let text = make(&mut Random(*seed), &corpus);
        let idle = readers.lock().unwrap().pop();
        let reader = idle.unwrap_or_else(|| Reader::open(&database.url()));
        let compared = catching(|| compare(&reader, &text));
        let verdict = match compared {
            Ok(Compared { statements: count, is_right }) => {
                statements.fetch_add(count, Ordering::Relaxed);
                right.fetch_add(usize::from(is_right), Ordering::Relaxed);
                Verdict::Recovered
            }
            Err(what) => {
                failed.store(true, Ordering::Relaxed);
                let (text, what) = smaller(text, what, |text| catching(|| compare(&reader, text)).err());
                Verdict::Wrong(told(*seed, &text, &what, how.split(' ').next().unwrap_or_default()))
            }
        };
        readers.lock().unwrap().push(reader);
        verdict
    });
    let (statements, right) = (statements.into_inner(), right.into_inner());
    tally.note(format!("{statements} statements; nothing is wrong in {right} of the texts"));
    tally.end();
}

fn seeds() -> Vec<u64> {
    let only = std::env::var("DUNLIN_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    only.map_or_else(|| (0..share(QUICK, FULL) as u64).collect(), |seed| vec![seed])
}

fn told(seed: u64, text: &str, what: &str, name: &str) -> String {
    let test = if name == "generated" { "random_scripts" } else { name };
    let test = if test == "changed" { "changed_migrations" } else { test };
    format!("seed {seed}: {what}\n{text:?}\nDUNLIN_SEED={seed} cargo nextest run -p dunlin-tests --test torture {test}")
}

/// What a panic says counts as what is wrong.
pub(crate) fn catching<T>(attempt: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

/// The text with whatever can go without setting it right.
fn smaller(mut text: String, mut what: String, wrong: impl Fn(&str) -> Option<String>) -> (String, String) {
    let mut size = text.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < text.len() {
            let cut = text.ceil_char_boundary(at)..text.ceil_char_boundary((at + size).min(text.len()));
            let mut less = text.clone();
            less.replace_range(cut, "");
            match wrong(&less).filter(|_| less.len() < text.len()) {
                Some(now) => (text, what) = (less, now),
                None => at += size,
            }
        }
        size /= 2;
    }
    (text, what)
}
