//! A run that goes on while the test watches it, stops it or kills it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Output};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::command::Outcome;

/// A run under way; it is killed when this goes.
#[derive(Debug)]
pub struct Running {
    words: String,
    child: Child,
    messages: BufReader<ChildStderr>,
    seen: Vec<u8>,
    data: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    pub(crate) fn new(words: &str, mut child: Child) -> Self {
        let mut stdout = child.stdout.take().expect("stdout is a pipe");
        let messages = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let data = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).expect("a pipe can be read");
            bytes
        });
        Self { words: words.to_owned(), child, messages, seen: Vec::new(), data: Some(data) }
    }

    /// Reads on to the next event; none when the run is over.
    ///
    /// # Panics
    /// If its messages cannot be read.
    pub fn next_event(&mut self) -> Option<Value> {
        loop {
            let start = self.seen.len();
            if self.messages.read_until(b'\n', &mut self.seen).expect("a pipe can be read") == 0 {
                return None;
            }
            if let Ok(event) = serde_json::from_slice(&self.seen[start..]) {
                return Some(event);
            }
        }
    }

    /// Reads on to the `nth` event of this kind. False if the run ended before.
    pub fn reach(&mut self, kind: &str, nth: usize) -> bool {
        let mut left = nth;
        while left > 0 {
            match self.next_event() {
                Some(event) if event["event"] == kind => left -= 1,
                Some(_) => {}
                None => return false,
            }
        }
        true
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a child that was not waited for can be signalled");
    }

    /// Whether it handles a signal by now; until then the system ends it.
    #[must_use]
    pub fn catches(&self, signal: Signal) -> bool {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        caught.is_some_and(|caught| caught & (1 << (signal as u32 - 1)) != 0)
    }

    /// Its process.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "process ids are small")]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id is small"))
    }

    /// Kills it as the system does when memory is short, and waits until it is gone.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("a child that was not waited for can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Reads on until it has nothing more to say: it is over, and its process is still there to be waited for.
    pub(crate) fn exhaust(&mut self) {
        self.messages.read_to_end(&mut self.seen).expect("a pipe can be read");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If its output cannot be read.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        self.exhaust();
        let status = self.child.wait().expect("a child can be waited for");
        let stdout = self.data.take().expect("taken once").join().expect("reading does not panic");
        Outcome::new(&self.words, Output { status, stdout, stderr: std::mem::take(&mut self.seen) })
    }
}

/// Waits until something is so.
///
/// # Panics
/// If it takes more than twenty seconds.
#[track_caller]
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}: not within twenty seconds");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
