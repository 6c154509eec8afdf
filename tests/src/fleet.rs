//! The example fleet on a server of its own.

use crate::command::Dunlin;
use crate::dump::{dump, ledger};
use crate::server::Server;
use crate::workspace::Workspace;

/// The fleet's databases that a test may drop and make again; they are named like their targets.
pub const DATABASES: [&str; 3] = ["core", "erp", "metrics"];

/// The database of the target `jobs`, which is pg_cron's and always there.
pub const JOBS: &str = "postgres";

/// The fleet's files, its four databases, and the binary that knows both as environment `test`.
#[derive(Debug)]
pub struct Fleet {
    files: Workspace,
    server: Server,
}

impl Fleet {
    /// The fleet on an empty server, with seeds.
    #[must_use]
    pub fn new() -> Self {
        Self::with_seeds(true)
    }

    /// The fleet on an empty server.
    #[must_use]
    pub fn with_seeds(seeds: bool) -> Self {
        let this = Self { files: Workspace::fleet(), server: Server::own() };
        this.create_databases();
        this.set_seeds(seeds);
        this
    }

    /// Writes the environment anew, with or without seeds.
    pub fn set_seeds(&self, seeds: bool) {
        self.write_environment("test", seeds);
    }

    /// Writes an environment with the fleet's databases.
    pub fn write_environment(&self, name: &str, seeds: bool) {
        let targets = DATABASES.iter().map(|database| (*database, *database)).chain([("jobs", JOBS)]);
        let targets = targets.map(|(target, database)| {
            format!("[targets.{target}]\nurl = \"{}\"\ndisposable = true\n\n", self.server.url(database))
        });
        let text: String = targets.chain([format!("[policy]\nseeds = {seeds}\n")]).collect();
        self.files.write(&format!("configs/{name}.toml"), &text);
    }

    /// The binary.
    #[must_use]
    pub fn dunlin(&self) -> Dunlin {
        Dunlin::at(self.files.dir()).with("DUNLIN_ENV", "test")
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &Workspace {
        &self.files
    }

    /// Its server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The schema and the rows of all its databases.
    #[must_use]
    pub fn dumps(&self) -> Vec<String> {
        self.of_each(|database| dump(&self.server, database))
    }

    /// The ledgers of all its databases.
    #[must_use]
    pub fn ledgers(&self) -> Vec<String> {
        self.of_each(|database| ledger(&self.server, database))
    }

    fn of_each(&self, ask: impl Fn(&str) -> String + Sync) -> Vec<String> {
        let ask = &ask;
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                DATABASES.iter().chain([&JOBS]).map(|database| scope.spawn(move || ask(database))).collect();
            asked.into_iter().map(|answer| answer.join().expect("asking does not panic")).collect()
        })
    }

    fn create_databases(&self) {
        for database in DATABASES {
            self.server
                .create_database(database, dunlin_devdb::Template::Plain)
                .expect("an empty server takes any database");
        }
    }

    /// Makes the server as it was before the first run.
    ///
    /// # Panics
    /// If it refuses.
    pub fn clear(&self) {
        for database in DATABASES {
            self.server.drop_database(database).expect("a database can be dropped");
        }
        let _ = self.server.sql(JOBS, CLEAR);
        self.create_databases();
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

/// What the fleet leaves outside its own databases.
const CLEAR: &str = "SET client_min_messages = error;
TRUNCATE cron.job, cron.job_run_details RESTART IDENTITY;
DROP SCHEMA IF EXISTS dunlin CASCADE;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'iotmetrics_app') THEN
    DROP OWNED BY iotmetrics_app;
    DROP ROLE iotmetrics_app;
  END IF;
END $$;";
