//! Statements of which no catalog query is known: what their author asks tells whether they were done.

use dunlin_tests::{Dunlin, Fault, Proxy, Scratch, Server, Workspace};

use crate::tally::{Tally, Verdict, WORKERS, kills};

const UP: &str = "up --yes";
const DOWN: &str = "down --version app/001 --cascade --yes";

/// Positions in the quick share.
const QUICK: usize = 4;

/// What is made and dropped, named `NAME`.
const FILES: &[(&str, &str)] = &[
    (
        "001_space_UP.sql",
        "-- dunlin: probe SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'NAME')\nCREATE TABLESPACE NAME LOCATION '';\n",
    ),
    (
        "001_space_DOWN.sql",
        "-- dunlin: probe SELECT NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'NAME')\nDROP TABLESPACE NAME;\n",
    ),
    (
        "002_feed_UP.sql",
        "-- dunlin: transaction none\n-- dunlin: probe SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = 'NAME')
CREATE SUBSCRIPTION NAME CONNECTION 'host=nowhere' PUBLICATION all_of_it WITH (connect = false, create_slot = false, slot_name = NONE);\n",
    ),
    (
        "002_feed_DOWN.sql",
        "-- dunlin: probe SELECT NOT EXISTS (SELECT FROM pg_subscription WHERE subname = 'NAME')\nDROP SUBSCRIPTION NAME;\n",
    ),
];

/// One database, and Dunlin on it; tablespaces belong to the server, so that each is named after its database.
struct Trial<'s> {
    database: Scratch<'s>,
    files: Workspace,
}

#[test]
fn tablespaces_and_subscriptions_of_a_run_that_is_killed() {
    check(UP);
}

#[test]
fn dropped_tablespaces_and_subscriptions_of_a_run_that_is_killed() {
    check(DOWN);
}

fn check(words: &'static str) {
    let server = Server::shared();
    let clean = Trial::new(&server, words);
    let proxy = Proxy::new(None);
    let _ = proxy.watch(clean.dunlin(&proxy.url(&clean.database.url())).start(words)).exits(0);
    assert_eq!(clean.state(), expected(words));
    let messages = proxy.messages();
    let verb = words.split_once(' ').unwrap().0;
    let tally = Tally::new("process killed at a message", format!("{verb}, statements with a probe of their author"));
    tally.each(WORKERS, kills(messages, QUICK), |fault| attempt(&server, words, *fault));
    tally.end();
}

fn attempt(server: &Server, words: &str, fault: Fault) -> Verdict {
    let trial = Trial::new(server, words);
    let proxy = Proxy::new(Some(fault));
    let run = proxy.watch(trial.dunlin(&proxy.url(&trial.database.url())).start(words));
    if !proxy.has_struck() {
        return Verdict::Missed;
    }
    let dunlin = trial.dunlin(&trial.database.url());
    let is_done = |code, stdout: &str| code == Some(0) || stdout.contains("version-unknown");
    let mut ended = run;
    for _ in 0..2 {
        if !is_done(ended.code, &ended.stdout) {
            ended = dunlin.run(words);
        }
    }
    if !is_done(ended.code, &ended.stdout) {
        return Verdict::Stuck(format!("{fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
    }
    let state = trial.state();
    if state == expected(words) { Verdict::Converged } else { Verdict::Wrong(format!("{fault:?}: {state}")) }
}

fn expected(words: &str) -> &'static str {
    if words == UP { "1 1 applied, applied" } else { "0 0 reverted, reverted" }
}

impl<'s> Trial<'s> {
    /// With everything applied, where it is to be taken back.
    fn new(server: &'s Server, words: &str) -> Self {
        let database = server.scratch();
        let name = database.name();
        let _ = server.sql("postgres", &format!("ALTER DATABASE {name} SET allow_in_place_tablespaces = on"));
        let _ = server.sql("postgres", &format!("ALTER DATABASE {name} SET client_min_messages = error"));
        let files = Workspace::small("${URL}");
        for (file, text) in FILES {
            files.write(&format!("migrations/app/{file}"), &text.replace("NAME", name));
        }
        let trial = Self { files, database };
        if words == DOWN {
            let _ = trial.dunlin(&trial.database.url()).run(UP).exits(0);
        }
        trial
    }

    fn dunlin(&self, url: &str) -> Dunlin {
        Dunlin::at(self.files.dir()).with("URL", url)
    }

    fn state(&self) -> String {
        let name = self.database.name();
        self.database.sql(&format!(
            "SELECT concat_ws(' ', (SELECT count(*) FROM pg_tablespace WHERE spcname = '{name}'),
             (SELECT count(*) FROM pg_subscription WHERE subname = '{name}'),
             (SELECT string_agg(state, ', ' ORDER BY id) FROM dunlin.ledger))"
        ))
    }
}

impl Drop for Trial<'_> {
    /// A database with a subscription cannot be dropped.
    fn drop(&mut self) {
        let name = self.database.name();
        for what in ["SUBSCRIPTION", "TABLESPACE"] {
            let _ = self.database.sql(&format!("DROP {what} IF EXISTS {name}"));
        }
    }
}
