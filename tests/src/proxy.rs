//! A proxy between Dunlin and its servers, in which a run meets its fault at the nth message that it sends.
//!
//! Messages of PostgreSQL's protocol are counted over all connections of the run, in the order in which they come, from
//! 0 and without those of the startup. What a fault does is one of three things: the process is killed and all that it had
//! open is gone, or one connection is gone and the process lives, or something is done to the server that the test says.
//! Encryption is not understood: the URL has to say `sslmode=disable`.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::Outcome;
use crate::running::Running;

/// How long the answer to a message is waited for, before which the fault would come too early.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long what a fault sets off may take, such as a server's stop and start.
const ENDING: Duration = Duration::from_mins(1);

/// When a fault comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Before the server has the message.
    Before,
    /// As soon as the server has it.
    During,
    /// When the server has answered, and Dunlin has not seen it.
    After,
}

/// What a fault does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blow {
    /// The process is killed, and its connections end.
    Kill,
    /// The connection ends.
    Cut,
    /// What the test says happens at the other end, which may end the connection or not.
    Deed,
}

/// What happens to a run, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What it does.
    pub blow: Blow,
    /// When it comes.
    pub moment: Moment,
    /// The number of the message.
    pub at: usize,
}

/// What happens at the other end of a connection, given the server's process there.
type Deed = Box<dyn Fn(i32) + Send + Sync>;

/// Ways to servers, all counted together. The ways end with this.
pub struct Proxy {
    state: Arc<State>,
    ports: Mutex<Vec<u16>>,
}

struct State {
    fault: Option<Fault>,
    deed: Deed,
    messages: AtomicUsize,
    /// Connections whose messages have not come to their end.
    asking: AtomicUsize,
    struck: AtomicBool,
    over: AtomicBool,
    victim: Mutex<Victim>,
    named: Condvar,
    open: Mutex<Vec<Link>>,
}

/// The run, as far as a fault may hit it: a process that was waited for may have left its number to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Awaited,
    Alive(Pid),
    Gone,
}

/// Both ends of a connection.
#[derive(Debug, Clone)]
struct Link {
    client: Arc<TcpStream>,
    server: Arc<TcpStream>,
    /// Whether the client sees nothing any more.
    deaf: Arc<AtomicBool>,
    /// How many times the server has yet to say that it is ready.
    owed: Arc<AtomicIsize>,
    /// The server's process, as it told the client.
    backend: Arc<AtomicI32>,
}

impl Proxy {
    /// Counts messages, and lets the fault come once.
    #[must_use]
    pub fn new(fault: Option<Fault>) -> Self {
        Self::with_deed(fault, |_| ())
    }

    /// The same, with what [`Blow::Deed`] does to the server's process of the connection.
    pub fn with_deed(fault: Option<Fault>, deed: impl Fn(i32) + Send + Sync + 'static) -> Self {
        let state = State {
            fault,
            deed: Box::new(deed),
            messages: AtomicUsize::new(0),
            asking: AtomicUsize::new(0),
            struck: AtomicBool::new(false),
            over: AtomicBool::new(false),
            victim: Mutex::new(Victim::Awaited),
            named: Condvar::new(),
            open: Mutex::new(Vec::new()),
        };
        Self { state: Arc::new(state), ports: Mutex::new(Vec::new()) }
    }

    /// Opens a way to the server at a port, and returns the port where it begins.
    ///
    /// # Panics
    /// If no port can be listened on.
    pub fn way(&self, server: u16) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        locked(&self.ports).push(port);
        let state = Arc::clone(&self.state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if state.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                // A server that is not there is a connection that ends at once.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) {
                    relay(&state, client, server);
                }
            }
        });
        port
    }

    /// The same URL through a new way.
    ///
    /// # Panics
    /// If the URL names no port of this machine.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let (head, rest) = url.split_once("127.0.0.1:").expect("a URL of a test names this machine");
        let (port, database) = rest.split_once('/').expect("a URL of a test names a database");
        let port = self.way(port.parse().expect("a port is a number"));
        format!("{head}127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Lets a run go on to its end, or to its fault, and what that sets off to its own.
    ///
    /// # Panics
    /// If that does not end.
    pub fn watch(&self, mut run: Running) -> Outcome {
        *locked(&self.state.victim) = Victim::Alive(run.pid());
        self.state.named.notify_all();
        run.exhaust();
        *locked(&self.state.victim) = Victim::Gone;
        let since = Instant::now();
        while self.state.asking.load(Ordering::SeqCst) > 0 {
            assert!(since.elapsed() < ENDING, "a connection of a run that ended goes on");
            thread::sleep(Duration::from_millis(1));
        }
        run.finish()
    }

    /// Whether the message came at which the fault does.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.state.struck.load(Ordering::SeqCst)
    }

    /// How many messages came.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.state.messages.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        for port in locked(&self.ports).iter() {
            // Whoever waits there has to see that it is over.
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, *port)));
        }
        self.state.hang_up();
    }
}

impl State {
    fn hang_up(&self) {
        locked(&self.open).drain(..).for_each(|link| link.hang_up());
    }

    /// Whether the fault comes at this message, which nothing else has met.
    fn is_hit(&self) -> Option<Fault> {
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        self.fault.filter(|fault| fault.at == number)
    }

    fn strike(&self, blow: Blow, link: &Link) {
        self.struck.store(true, Ordering::SeqCst);
        match blow {
            Blow::Cut => return link.hang_up(),
            Blow::Deed => return (self.deed)(link.backend.load(Ordering::SeqCst)),
            Blow::Kill => {}
        }
        let victim = locked(&self.victim);
        let victim = self.named.wait_while(victim, |victim| *victim == Victim::Awaited);
        if let Victim::Alive(pid) = *victim.expect("no thread panics with this lock") {
            kill(pid, Signal::SIGKILL).expect("a child that was not waited for can be killed");
        }
        self.hang_up();
    }
}

impl Link {
    fn hang_up(&self) {
        for end in [&self.client, &self.server] {
            // It may be over already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Passes a message on to the server.
    fn pass(&self, message: &[u8]) -> Result<()> {
        let is_answered = matches!(message[0], b'Q' | b'S' | b'F');
        self.owed.fetch_add(isize::from(is_answered), Ordering::SeqCst);
        send(&self.server, message)
    }

    /// Waits until the server has answered everything.
    fn settle(&self) {
        let since = Instant::now();
        while self.owed.load(Ordering::SeqCst) > 0 && since.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Both directions, each in a thread, until either ends.
fn relay(state: &Arc<State>, client: TcpStream, server: TcpStream) {
    for end in [&client, &server] {
        // Only slower without.
        let _ = end.set_nodelay(true);
    }
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (deaf, owed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicIsize::new(1)));
    let link = Link { client, server, deaf, owed, backend: Arc::default() };
    locked(&state.open).push(link.clone());
    let (asking, answering, state) = (link.clone(), link, Arc::clone(state));
    state.asking.fetch_add(1, Ordering::SeqCst);
    thread::spawn(move || {
        let _ = requests(&state, &asking);
        asking.hang_up();
        state.asking.fetch_sub(1, Ordering::SeqCst);
    });
    thread::spawn(move || {
        let _ = answers(&answering);
        answering.hang_up();
    });
}

fn requests(state: &State, link: &Link) -> Result<()> {
    send(&link.server, &message(&link.client, false)?)?;
    loop {
        let message = message(&link.client, true)?;
        let Some(fault) = state.is_hit() else {
            link.pass(&message)?;
            continue;
        };
        let is_deed = fault.blow == Blow::Deed;
        link.deaf.fetch_or(!is_deed, Ordering::SeqCst);
        if fault.moment != Moment::Before {
            link.pass(&message)?;
        }
        if fault.moment == Moment::After {
            link.settle();
        }
        state.strike(fault.blow, link);
        if !is_deed {
            return Ok(());
        }
        if fault.moment == Moment::Before {
            link.pass(&message)?;
        }
    }
}

fn answers(link: &Link) -> Result<()> {
    loop {
        let message = message(&link.server, true)?;
        if !link.deaf.load(Ordering::SeqCst) {
            send(&link.client, &message)?;
        }
        match (message[0], message.get(5..9)) {
            (b'Z', _) => drop(link.owed.fetch_sub(1, Ordering::SeqCst)),
            (b'K', Some(process)) => {
                let process = i32::from_be_bytes(process.try_into().expect("four bytes"));
                link.backend.store(process, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

/// Type, length and body of the next message; the first one of a connection has no type.
fn message(mut from: &TcpStream, typed: bool) -> Result<Vec<u8>> {
    let mut message = vec![0; if typed { 5 } else { 4 }];
    from.read_exact(&mut message)?;
    let start = message.len();
    let length = u32::from_be_bytes(message[start - 4..].try_into().expect("four bytes")) as usize;
    message.resize(start + length.saturating_sub(4), 0);
    from.read_exact(&mut message[start..])?;
    Ok(message)
}

fn send(mut to: &TcpStream, message: &[u8]) -> Result<()> {
    to.write_all(message)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with this lock")
}
