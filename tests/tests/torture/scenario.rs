//! A project of two databases in which every effect leaves a mark that a second time would double, and the state that it
//! has to end in.

use std::fmt;
use std::sync::{Arc, Mutex};

use dunlin_devdb::Pooler;
use dunlin_tests::{Dunlin, Proxy, Scratch, Server, Workspace, difference, dump, ledger};

/// Each part of the protocol at least once, up and down, with edges between the databases in both directions.
const FILES: &[(&str, &str)] = &[
    (PROJECT_FILE, PROJECT),
    ("left/001_base.up.sql", "CREATE TABLE audit (what text);\nINSERT INTO audit VALUES ('left 1');\n"),
    ("left/001_base.down.sql", "DROP TABLE audit;\n"),
    (
        "right/001_base.up.sql",
        "-- dunlin: depends left/001\nCREATE TABLE audit (what text);\nINSERT INTO audit VALUES ('right 1');\n",
    ),
    ("right/001_base.down.sql", "DROP TABLE audit;\n"),
    (
        "left/002_items.up.sql",
        "-- dunlin: depends right/001\nCREATE TABLE items (id int, name text);\nINSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 500) n;\nINSERT INTO audit VALUES ('left 2');\n",
    ),
    ("left/002_items.down.sql", "DROP TABLE items;\nINSERT INTO audit VALUES ('left 2 back');\n"),
    (
        "left/003_index.up.sql",
        "INSERT INTO audit VALUES ('left 3');\nCREATE INDEX CONCURRENTLY items_name ON items (name);\nINSERT INTO audit VALUES ('left 3 too');\n",
    ),
    ("left/003_index.down.sql", "INSERT INTO audit VALUES ('left 3 back');\nDROP INDEX CONCURRENTLY items_name;\n"),
    (
        "right/002_orders.up.sql",
        "-- dunlin: depends left/003\nCREATE TABLE orders (id int NOT NULL, n int NOT NULL DEFAULT 0);\nINSERT INTO orders SELECT generate_series(1, 500);\nINSERT INTO audit VALUES ('right 2');\n",
    ),
    (
        "right/002_orders.down.sql",
        "INSERT INTO audit SELECT 'right 2 back, ' || sum(n) FROM orders;\nDROP TABLE orders;\n",
    ),
    ("right/003_unique.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY orders_id ON orders (id);\n"),
    ("right/003_unique.down.sql", "DROP INDEX CONCURRENTLY orders_id;\n"),
    (
        "right/004_backfill.up.sql",
        "-- dunlin: phase data\n-- dunlin: batch table=orders key=id size=100 time=off\nUPDATE orders SET n = n + 1 WHERE :batch;\n",
    ),
    (
        "right/004_backfill.down.sql",
        "-- dunlin: batch table=orders key=id size=100 time=off\nUPDATE orders SET n = n + 10 WHERE :batch;\n",
    ),
    (
        "left/004_last.up.sql",
        "-- dunlin: depends right/004\nALTER TABLE items ADD COLUMN price int DEFAULT 7;\nINSERT INTO audit VALUES ('left 4');\n",
    ),
    ("left/004_last.down.sql", "ALTER TABLE items DROP COLUMN price;\nINSERT INTO audit VALUES ('left 4 back');\n"),
];

const PROJECT_FILE: &str = "dunlin.toml";

const PROJECT: &str = r#"[project]
name = "torture"

[targets.left]
kind = "postgres"
url = "${LEFT}"
direct_url = "${LEFT_DIRECT}"

[targets.right]
kind = "postgres"
url = "${RIGHT}"
direct_url = "${RIGHT_DIRECT}"

[services.left]
target = "left"
path = "left"

[services.right]
target = "right"
path = "right"
"#;

/// What brings everything back but the tables of marks.
pub(crate) const DOWN: &str = "down --version left/002 --cascade --yes";

/// Connections of a pooler to one database; so few that clients share them.
const POOLED: u32 = 2;

/// The cursor of a backfill behind a pooler says when it was last moved.
const PASSED: &str =
    "UPDATE dunlin.ledger SET cursor = cursor || jsonb_build_object('at', clock_timestamp() - interval '1 minute')
    WHERE state IN ('running', 'reverting') AND cursor ? 'at'";

/// How the databases are reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// As they are.
    Direct,
    /// Through PgBouncer in transaction mode, but for the steps that need a session of their own.
    Pooled,
    /// Through PgBouncer alone: there are no such steps, and backfills go through it too.
    PooledAlone,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Pooled => "pooled",
            Self::PooledAlone => "pooled, without a direct way",
        })
    }
}

/// What happens at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Harm {
    /// The server's process of this connection is terminated.
    Backend,
    /// PgBouncer is killed, and another one started.
    Pooler,
    /// The whole server is stopped at once, and started again.
    Server,
}

/// The project's files, and the server of its databases.
pub(crate) struct Scenario {
    files: Workspace,
    server: Arc<Server>,
    way: Way,
}

/// One pair of databases.
pub(crate) struct Stage<'s> {
    scenario: &'s Scenario,
    databases: [Scratch<'s>; 2],
    pooler: Option<Arc<Mutex<Pooler>>>,
}

impl Scenario {
    pub(crate) fn new(way: Way) -> Self {
        Self::on(Server::shared(), way)
    }

    pub(crate) fn on(server: Server, way: Way) -> Self {
        let files = Workspace::of(FILES);
        if way == Way::PooledAlone {
            let indirect: String =
                PROJECT.lines().filter(|line| !line.starts_with("direct_url")).map(line_of).collect();
            files.write(PROJECT_FILE, &indirect);
            let concurrent = FILES.iter().filter(|(_, text)| text.contains(" CONCURRENTLY"));
            concurrent.for_each(|(path, text)| files.write(path, &text.replace(" CONCURRENTLY", "")));
        }
        Self { files, server: Arc::new(server), way }
    }

    /// With one more file.
    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        self.files.write(path, text);
        self
    }

    pub(crate) fn stage(&self) -> Stage<'_> {
        let pooler = (self.way != Way::Direct).then(|| Arc::new(Mutex::new(self.server.pooler(POOLED))));
        Stage { scenario: self, databases: [self.server.scratch(), self.server.scratch()], pooler }
    }
}

fn line_of(line: &str) -> String {
    format!("{line}\n")
}

impl Stage<'_> {
    /// Dunlin on these databases, without anything between.
    pub(crate) fn dunlin(&self) -> Dunlin {
        self.reached(|url| url)
    }

    /// Dunlin on these databases, with all connections through a proxy.
    pub(crate) fn through(&self, proxy: &Proxy) -> Dunlin {
        self.reached(|url| proxy.url(&url))
    }

    fn reached(&self, by: impl Fn(String) -> String) -> Dunlin {
        let dunlin = Dunlin::at(self.scenario.files.dir());
        ["LEFT", "RIGHT"].iter().zip(&self.databases).fold(dunlin, |dunlin, (name, database)| {
            let pooled = self.pooler.as_ref().map(|pooler| pooler.lock().unwrap().url(database.name()));
            let url = pooled.unwrap_or_else(|| database.url());
            dunlin.with(name, by(url)).with(&format!("{name}_DIRECT"), by(database.url()))
        })
    }

    /// Does harm, given the server's process of a connection.
    pub(crate) fn deed(&self, harm: Harm) -> impl Fn(i32) + Send + Sync + use<> {
        let (server, pooler) = (Arc::clone(&self.scenario.server), self.pooler.clone());
        move |process| match harm {
            // It may be gone already.
            Harm::Backend => drop(server.psql("postgres", &format!("SELECT pg_terminate_backend({process})"))),
            Harm::Pooler => pooler.as_ref().unwrap().lock().unwrap().crash().unwrap(),
            Harm::Server => server.crash().unwrap(),
        }
    }

    /// Lets the time pass for which a backfill behind a pooler is left alone.
    pub(crate) fn let_time_pass(&self) {
        for database in &self.databases {
            // There may be no ledger yet.
            let _ = self.scenario.server.psql(database.name(), PASSED);
        }
    }

    /// Everything that is in the databases, and what their ledgers say.
    pub(crate) fn state(&self) -> String {
        let of = |database: &Scratch<'_>| {
            let server = &self.scenario.server;
            // A dump leaves these out.
            let invalid = database.sql("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid");
            format!("{}\ninvalid: {invalid}\n{}\n", dump(server, database.name()), ledger(server, database.name()))
        };
        self.databases.iter().map(of).collect()
    }

    /// What differs from the state that should be.
    pub(crate) fn differs(&self, expected: &str) -> Option<String> {
        Some(difference(expected, &self.state())).filter(|difference| !difference.is_empty())
    }
}
