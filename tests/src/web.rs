//! A proxy before a ClickHouse, in which a run meets its fault at the nth request that it sends.
//!
//! Requests are counted over all connections of the run, in the order in which they come, from 0. A request begins with what a
//! client sends after an answer, or at first: nothing here reads HTTP further than its first word.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::Outcome;
use crate::proxy::{Blow, Fault, Moment};
use crate::running::Running;

/// How long an answer is waited for; a request that holds a lock has none.
const PATIENCE: Duration = Duration::from_millis(400);

/// A way to a server. It ends with this.
pub struct Web {
    state: Arc<State>,
    port: u16,
}

struct State {
    server: u16,
    fault: Option<Fault>,
    requests: AtomicUsize,
    over: AtomicBool,
    victim: Mutex<Option<Pid>>,
}

impl Web {
    /// Opens a way to the server at a port, and lets the fault come once.
    ///
    /// # Panics
    /// If no port can be had.
    #[must_use]
    pub fn to(server: u16, fault: Option<Fault>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be had");
        let port = listener.local_addr().expect("it is bound").port();
        let (requests, over, victim) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(None));
        let state = Arc::new(State { server, fault, requests, over, victim });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(&client));
            }
        });
        Self { state, port }
    }

    /// Where it begins.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Follows a run to its end, and lets the fault hit it.
    #[must_use]
    pub fn follow(&self, run: Running) -> Outcome {
        *self.state.victim.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.pid());
        let mut run = run;
        run.exhaust();
        *self.state.victim.lock().unwrap_or_else(PoisonError::into_inner) = None;
        run.finish()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

impl State {
    fn serve(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)) else { return };
        let (deaf, answered) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                copy(&server, |bytes| {
                    answered.store(true, Ordering::SeqCst);
                    deaf.load(Ordering::SeqCst) || {
                        let mut to = client;
                        to.write_all(bytes).is_ok()
                    }
                });
                close(client);
            });
            copy(client, |bytes| {
                let fault = bytes.starts_with(b"POST /").then(|| self.fault()).flatten();
                let mut to = &server;
                let Some(fault) = fault else { return to.write_all(bytes).is_ok() };
                if fault.moment != Moment::Before {
                    answered.store(false, Ordering::SeqCst);
                    deaf.store(true, Ordering::SeqCst);
                    to.write_all(bytes).ok();
                }
                if fault.moment == Moment::After {
                    let since = Instant::now();
                    while !answered.load(Ordering::SeqCst) && since.elapsed() < PATIENCE {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                self.strike(fault.blow);
                false
            });
            close(&server);
            close(client);
        });
    }

    /// The fault, if this request is the one.
    fn fault(&self) -> Option<Fault> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.fault.filter(|fault| fault.at == number)
    }

    fn strike(&self, blow: Blow) {
        if blow != Blow::Kill {
            return;
        }
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(5) {
            if let Some(victim) = *self.victim.lock().unwrap_or_else(PoisonError::into_inner) {
                kill(victim, Signal::SIGKILL).ok();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Hands on what comes, until it ends or is not taken any more.
pub(crate) fn copy(from: &TcpStream, mut take: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    let mut from = from;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) if take(&buffer[..read]) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

pub(crate) fn close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Both).ok();
}
