//! Two servers of ClickHouse as the replicas of a cluster `both`, and what stands in for the queue between them.
//!
//! The servers are real, and what is asked of both is answered by both. Only no ClickHouse that can be had here hands a statement
//! with `ON CLUSTER` on. The way to the first server does that instead: it takes the clause out, gives the statement to each
//! replica that runs, keeps it for one that does not until that returns, and answers as a server does, which is nothing when all
//! have done it, what one of them refused, or 159 after a while.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Template};
use regex::Regex;

use crate::server::home;
use crate::web::{close, copy};

/// How long a statement's end is awaited; a server's own default is three minutes.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long a server that returned takes until it looks into its queue.
const LOOK: Duration = Duration::from_millis(300);

/// Two replicas. They go with this.
pub struct Pair {
    state: Arc<State>,
    port: u16,
}

struct State {
    servers: [Cluster; 2],
    /// What the second one has still to do.
    queue: Mutex<Vec<Statement>>,
    /// The statements that came, and the one at which the second server goes.
    statements: AtomicUsize,
    goes_at: Mutex<Option<usize>>,
    over: AtomicBool,
}

/// A statement without its clause, and the target of its request.
struct Statement {
    target: String,
    text: String,
}

impl Pair {
    /// None where this machine cannot have such servers, which is told.
    ///
    /// # Panics
    /// If a server does not start.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "a test tells that it was skipped")]
    pub fn start() -> Option<Self> {
        let ports = [0; 2].map(|_| listen().1);
        let replicas = ports.iter().fold(String::new(), |mut replicas, port| {
            let _ = write!(replicas, "<replica><host>127.0.0.1</host><port>{port}</port></replica>");
            replicas
        });
        let start = |port: u16| {
            let of = |name: &str, value: String| (name.to_owned(), value);
            let clusters = format!("<both><shard>{replicas}</shard></both>");
            let settings = vec![of("tcp_port", port.to_string()), of("remote_servers", clusters)];
            let spec = ClusterSpec { settings, ..ClusterSpec::temporary(home(), Flavour::ClickHouse) };
            Cluster::start(&spec, &|_| {})
        };
        let servers = match (start(ports[0]), start(ports[1])) {
            (Ok(first), Ok(second)) => [first, second],
            (Err(error @ DevdbError::Unsupported { .. }), _) => {
                println!("skipped: {error}");
                return None;
            }
            (first, second) => panic!("the servers start: {:?} {:?}", first.err(), second.err()),
        };
        let (queue, goes_at) = (Mutex::default(), Mutex::default());
        let (statements, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = Arc::new(State { servers, queue, statements, goes_at, over });
        let (listener, port) = listen();
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
        Some(Self { state, port })
    }

    /// Where the way to the first server begins.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database empty on both, which run.
    ///
    /// # Panics
    /// If a server refuses.
    pub fn clear(&self, database: &str) {
        self.state.statements.store(0, Ordering::SeqCst);
        for server in &self.state.servers {
            server.drop_database(database).expect("nobody uses it");
            server.create_database(database, Template::Plain).expect("it is gone");
        }
    }

    /// What a server answers, the first or the second.
    ///
    /// # Panics
    /// If it refuses.
    #[must_use]
    #[track_caller]
    pub fn query(&self, nth: usize, database: &str, statement: &str) -> String {
        self.state.servers[nth].query(database, statement).expect("the server answers")
    }

    /// Lets the second server go when the nth statement for both comes, counted from 0 since the database was made; none lets
    /// it stay.
    pub fn let_go_at(&self, nth: Option<usize>) {
        *self.state.goes_at.lock().unwrap_or_else(PoisonError::into_inner) = nth;
    }

    /// Lets the second server go.
    ///
    /// # Panics
    /// If it cannot be stopped.
    pub fn let_go(&self) {
        self.state.servers[1].halt().expect("it can be stopped");
    }

    /// How many statements the second one has still to do.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.state.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Lets the second server come back, and do what it has missed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn let_return(&self) {
        self.state.servers[1].crash().expect("it starts again");
        thread::sleep(LOOK);
        let mut queue = self.state.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for Statement { target, text } in queue.drain(..) {
            send(self.state.servers[1].port(), &target, &text);
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

impl State {
    fn serve(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.servers[0].port())) else { return };
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut to = client;
                copy(&server, |bytes| to.write_all(bytes).is_ok());
                close(client);
            });
            let mut request = Vec::new();
            let mut to = (&server, client);
            copy(client, |bytes| {
                request.extend_from_slice(bytes);
                if is_unfinished(&request) {
                    return true;
                }
                let whole = std::mem::take(&mut request);
                match statement(&whole) {
                    Some(statement) => to.1.write_all(self.hand_on(statement).as_bytes()).is_ok(),
                    None => to.0.write_all(&whole).is_ok(),
                }
            });
            close(&server);
            close(client);
        });
    }

    /// Gives a statement to both, and says what came of it.
    fn hand_on(&self, statement: Statement) -> String {
        let nth = self.statements.fetch_add(1, Ordering::SeqCst);
        if *self.goes_at.lock().unwrap_or_else(PoisonError::into_inner) == Some(nth) {
            self.servers[1].halt().expect("it can be stopped");
        }
        let mut refused = None;
        let answers = self.servers.each_ref().map(|server| send(server.port(), &statement.target, &statement.text));
        for (server, answer) in self.servers.iter().zip(&answers) {
            if let Some(said) = answer.as_ref().filter(|said| said.contains("Code: ")) {
                let code: String = said.chars().skip(6).take_while(char::is_ascii_digit).collect();
                let at = server.port();
                refused = Some(format!(
                    "Code: {code}, e.displayText() = DB::Exception: There was an error on [127.0.0.1:{at}]: {said}"
                ));
            }
        }
        if answers[1].is_none() {
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
            thread::sleep(PATIENCE);
        }
        let late = "Code: 159, e.displayText() = DB::Exception: Watching task /task_queue/ddl/query-0000000000 is executing longer \
            than distributed_ddl_task_timeout (=180) seconds. There are 1 unfinished hosts (0 of them are currently active), they \
            are going to execute the query in background, e.what() = DB::Exception";
        let body = refused.or_else(|| answers.contains(&None).then(|| late.to_owned())).unwrap_or_default();
        let status = if body.is_empty() { "200 OK" } else { "500 Internal Server Error" };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// Whether more of a request has to come before it can be handed on; one without a length goes on as it comes.
fn is_unfinished(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    if !text.starts_with("POST /") {
        return false;
    }
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return true };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| request.len() < head.len() + 4 + length)
}

/// A migration's statement for a cluster.
fn statement(request: &[u8]) -> Option<Statement> {
    static CLAUSE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)\s+ON\s+CLUSTER\s+\w+").expect("it is fixed"));
    let (head, body) = std::str::from_utf8(request).ok()?.split_once("\r\n\r\n")?;
    let target = head.split(' ').nth(1).filter(|target| target.contains("query_id=dunlin%3A"))?;
    CLAUSE.is_match(body).then(|| Statement { target: target.to_owned(), text: CLAUSE.replace(body, "").into_owned() })
}

/// What a server answers; none of one that does not run.
fn send(port: u16, target: &str, text: &str) -> Option<String> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let length = text.len();
    write!(server, "POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{text}")
        .ok()?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).ok()?;
    let said = answer.split_once("\r\n\r\n")?.1;
    Some(said.find("Code: ").map_or_else(String::new, |at| said[at..].to_owned()))
}
