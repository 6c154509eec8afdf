//! How much is tried, and what came of it.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dunlin_tests::{Blow, Fault, Moment};
use fs_err as fs;
use serde_json::json;

/// Trials at the same time that mostly wait.
pub(crate) const WORKERS: usize = 3;

/// Whether everything is tried, and not only a share of it.
pub(crate) fn is_full() -> bool {
    std::env::var("DUNLIN_TORTURE").is_ok_and(|share| share == "full")
}

/// How often something is tried: in the quick share, and in full.
pub(crate) fn share(quick: usize, full: usize) -> usize {
    if is_full() { full } else { quick }
}

/// A process that is killed at every moment of each of so many messages; in the quick share at `quick` of them, spread.
pub(crate) fn kills(messages: usize, quick: usize) -> Vec<Fault> {
    const MOMENTS: [Moment; 3] = [Moment::During, Moment::After, Moment::Before];
    let fault = |at, moment| Fault { blow: Blow::Kill, moment, at };
    if is_full() {
        return (0..messages).flat_map(|at| MOMENTS.map(|moment| fault(at, moment))).collect();
    }
    (0..quick).map(|nth| fault((2 * nth + 1) * messages / (2 * quick), MOMENTS[nth % 3])).collect()
}

/// Whether `DUNLIN_TORTURE_SECONDS` have passed since the first test of this process began.
fn is_time_over() -> bool {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let since = BEGAN.elapsed();
    let seconds = std::env::var("DUNLIN_TORTURE_SECONDS").ok();
    seconds.is_some_and(|seconds| since > Duration::from_secs(seconds.parse().expect("seconds are a number")))
}

/// What came of one trial.
pub(crate) enum Verdict {
    /// The state of a run without a fault was reached, by the very run that met it.
    Recovered,
    /// The same, by running again.
    Converged,
    /// It would need a person.
    Stuck(String),
    /// Something is done twice, or not at all, or left behind.
    Wrong(String),
    /// The fault did not come; the trial does not count.
    Missed,
}

/// What came of all trials of a test.
pub(crate) struct Tally {
    what: &'static str,
    how: String,
    note: String,
    since: Instant,
    is_cut_short: AtomicBool,
    recovered: AtomicUsize,
    converged: AtomicUsize,
    stuck: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// `what` is the group of the test, `how` what it tries within it.
    pub(crate) fn new(what: &'static str, how: impl Into<String>) -> Self {
        let (stuck, wrong) = (Mutex::default(), Mutex::default());
        let (recovered, converged) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self {
            what,
            how: how.into(),
            note: String::new(),
            since: Instant::now(),
            is_cut_short: AtomicBool::new(false),
            recovered,
            converged,
            stuck,
            wrong,
        }
    }

    /// What else was seen.
    pub(crate) fn note(&mut self, note: String) {
        self.note = note;
    }

    pub(crate) fn add(&self, verdict: Verdict) {
        match verdict {
            Verdict::Recovered => drop(self.recovered.fetch_add(1, Ordering::Relaxed)),
            Verdict::Converged => drop(self.converged.fetch_add(1, Ordering::Relaxed)),
            Verdict::Stuck(how) => self.stuck.lock().unwrap().push(how),
            Verdict::Wrong(how) => self.wrong.lock().unwrap().push(how),
            Verdict::Missed => {}
        }
    }

    /// Tries each of them, so many at a time, in an order by chance: if time runs out, those that were tried are a sample.
    pub(crate) fn each<T: Send + Sync>(&self, workers: usize, trials: Vec<T>, attempt: impl Fn(&T) -> Verdict + Sync) {
        let chance = RandomState::new();
        let mut trials: Vec<_> = trials.into_iter().enumerate().collect();
        trials.sort_by_key(|(index, _)| chance.hash_one(index));
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((_, trial)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if is_time_over() {
                            return self.is_cut_short.store(true, Ordering::Relaxed);
                        }
                        self.add(attempt(trial));
                    }
                });
            }
        });
    }

    /// Writes the counts, and fails unless all trials converged.
    #[track_caller]
    pub(crate) fn end(self) {
        let trials = self.write();
        let failed: Vec<_> =
            [self.stuck, self.wrong].into_iter().flat_map(|failed| failed.into_inner().unwrap()).collect();
        assert!(trials > 0 || self.is_cut_short.into_inner(), "nothing was tried");
        assert!(failed.is_empty(), "{} of {trials}:\n{}", failed.len(), failed.join("\n\n"));
    }

    /// Adds a line to what this test has written, which has a thread of the test's name; how many trials there were.
    fn write(&self) -> usize {
        let (stuck, wrong) = (self.stuck.lock().unwrap().len(), self.wrong.lock().unwrap().len());
        let recovered = self.recovered.load(Ordering::Relaxed);
        let converged = recovered + self.converged.load(Ordering::Relaxed);
        let trials = converged + stuck + wrong;
        let line = json!({
            "what": self.what,
            "how": self.how,
            "trials": trials,
            "converged": converged,
            "alone": recovered,
            "stuck": stuck,
            "wrong": wrong,
            "note": self.note,
            "complete": is_full() && !self.is_cut_short.load(Ordering::Relaxed),
            "seconds": self.since.elapsed().as_secs(),
        });
        println!("{line}");
        if let Some(dir) = std::env::var_os("DUNLIN_TORTURE_OUT") {
            let thread = thread::current();
            let name = thread.name().unwrap_or("main").replace(|char: char| !char.is_ascii_alphanumeric(), "-");
            let mut file = fs::OpenOptions::new();
            let mut file = file.append(true).create(true).open(PathBuf::from(dir).join(name + ".jsonl")).unwrap();
            writeln!(file, "{line}").unwrap();
        }
        trials
    }
}

/// Says that this machine has nothing to try something on.
pub(crate) fn skip(what: &'static str, how: &str) {
    let mut tally = Tally::new(what, how);
    tally.note("not tried: there was no server for it".to_owned());
    tally.write();
}
