//! Every key of `dunlin.toml`, in one table: what it is called, what it takes, what it is for.
//!
//! Checking a file, the suggestions for misspelt keys, the documentation and the JSON Schema are all derived from here.

use crate::styles;

/// One key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// What it is for, in one sentence.
    pub doc: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text that is not empty.
    Text,
    /// Text in which `${VAR}` and `${VAR:-default}` are filled in from the environment.
    Filled,
    /// As [`Shape::Filled`], or `{ file = "…" }` or `{ command = "…" }`.
    Secret,
    /// A whole number, or text that is filled in to one.
    Port,
    /// True or false.
    Flag,
    /// A number with its unit, such as `500ms`, `2s` or `10min`; `0` is no limit.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// Names to values: text, number or flag.
    Settings,
    /// A section with these keys.
    Section(&'static [Key]),
    /// Sections with names of the user's choice, each with these keys.
    Named(&'static [Key]),
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc }
}

/// The whole file.
pub static KEYS: &[Key] = &[
    key("project", Shape::Section(PROJECT), "the project"),
    key("targets", Shape::Named(TARGET), "the databases"),
    key("services", Shape::Named(SERVICE), "what teams own, and where its migrations lie"),
    key("policy", Shape::Section(POLICY), "what is asked for before and while migrations run"),
    key("backup", Shape::Section(BACKUP), "how a backup is taken"),
];

/// A job of a `jobs.toml`.
pub static JOB: &[Key] = &[
    key("name", Shape::Text, "its name, where it is written as [[jobs]]"),
    key("schedule", Shape::Text, "when it runs, as pg_cron takes it: `15 3 * * *`, `@daily`, `30 seconds`"),
    key("command", Shape::Text, "the SQL that it runs"),
    key(
        "database",
        Shape::Text,
        "where: a target of the project, or a database of the server; the target's own by default",
    ),
    key("user", Shape::Text, "as whom; by default the set's `role`, or whoever migrates"),
    key("active", Shape::Flag, "whether it goes on; yes by default"),
];

static PROJECT: &[Key] = &[
    key("name", Shape::Text, "the project's name; part of every ledger's key, so it stays as it is"),
    key("dependencies", Shape::Texts, "files that declare dependencies, in YAML or TOML"),
];

static TARGET: &[Key] = &[
    key("kind", Shape::Choice(&["postgres", "timescale", "cron", "clickhouse"]), "what the server must offer"),
    key("url", Shape::Secret, "where it is, or `embedded` for a server that Dunlin starts on this machine"),
    key("direct_url", Shape::Secret, "the way past a connection pooler, for what needs a session of its own"),
    key("host", Shape::Filled, "the server, instead of `url`"),
    key("port", Shape::Port, "its port"),
    key(
        "database",
        Shape::Filled,
        "the database; beside `url = \"embedded\"` the one to make, by default named like the target",
    ),
    key("user", Shape::Filled, "the user"),
    key("password", Shape::Secret, "the password, any characters"),
    key("service", Shape::Filled, "a server's name in `pg_service.conf`, instead of `host`"),
    key("parameters", Shape::Settings, "what else libpq's keys can say, such as `sslcert`, beside `host`"),
    key(
        "sslmode",
        Shape::Filled,
        "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`, beside `host`",
    ),
    key("sslrootcert", Shape::Filled, "the file of the certificate authority, beside `host`"),
    key(
        "env_prefix",
        Shape::Text,
        "with `AUTH_DB`: reads AUTH_DB_URL, or AUTH_DB_HOST, _PORT, _DB, _USER, _PASSWORD (or _PASSWORD_FILE), _SSLMODE and so on",
    ),
    key("enabled", Shape::Flag, "whether it takes part in this environment; yes by default"),
    key(
        "pause",
        Shape::Texts,
        "of kind `cron`: the jobs, by name and with `*` for any characters, that rest while a database is migrated that they work in",
    ),
    key("pause_wait", Shape::Duration, "how long such jobs are awaited that are under way; `5min` by default"),
    key(
        "pause_deadline",
        Shape::Duration,
        "after this long the server itself resumes what a run paused that never came back; `10min` by default",
    ),
    key("create", Shape::Flag, "whether a missing database is made"),
    key("disposable", Shape::Flag, "whether its content may be thrown away"),
    key("durability", Shape::Choice(&["each"]), "a commit per step, as the server makes it durable"),
    key("role", Shape::Text, "SET ROLE for migration bodies"),
    key("search_path", Shape::Text, "the search path of migration bodies"),
    key("lock_timeout", Shape::Duration, "how long a statement waits for a lock"),
    key("timeout", Shape::Duration, "how long a statement may take"),
    key("settings", Shape::Settings, "server settings of migration bodies"),
];

static SERVICE: &[Key] = &[
    key("target", Shape::Text, "the target that its migrations are for"),
    key("path", Shape::Text, "the folder of its migrations"),
    key("paths", Shape::Texts, "the folders of its migrations, as one sequence"),
    key("naming", Shape::Choice(styles::NAMES), "the naming style, where it cannot be told from the files"),
    key("include", Shape::Texts, "file name patterns: only these files"),
    key("exclude", Shape::Texts, "file name patterns: not these files"),
    key("aliases", Shape::Texts, "other names that files, headers and --service may use"),
    key("after", Shape::Texts, "sets or services whose pending migrations come first"),
    key("requires", Shape::Texts, "what the server must offer"),
    key("missing", Shape::Choice(&["hold", "error"]), "what happens where it does not: held back, or refused"),
    key("out_of_order", Shape::Flag, "whether a version lower than an applied one may still be applied"),
    key("role", Shape::Text, "SET ROLE for migration bodies"),
    key("search_path", Shape::Text, "the search path of migration bodies"),
    key("lock_timeout", Shape::Duration, "how long a statement waits for a lock"),
    key("timeout", Shape::Duration, "how long a statement may take"),
    key("settings", Shape::Settings, "server settings of migration bodies"),
    key("variables", Shape::Settings, "values that are filled into the SQL"),
    key("formerly", Shape::Text, "the name that the set had before"),
    key("sets", Shape::Named(SET), "several migration sets of one service; what stands at the service counts for each"),
];

static SET: &[Key] = &[
    key("target", Shape::Text, "the target that its migrations are for"),
    key("path", Shape::Text, "the folder of its migrations"),
    key("paths", Shape::Texts, "the folders of its migrations, as one sequence"),
    key("naming", Shape::Choice(styles::NAMES), "the naming style, where it cannot be told from the files"),
    key("include", Shape::Texts, "file name patterns: only these files"),
    key("exclude", Shape::Texts, "file name patterns: not these files"),
    key("after", Shape::Texts, "sets or services whose pending migrations come first"),
    key("requires", Shape::Texts, "what the server must offer"),
    key("missing", Shape::Choice(&["hold", "error"]), "what happens where it does not: held back, or refused"),
    key("out_of_order", Shape::Flag, "whether a version lower than an applied one may still be applied"),
    key("role", Shape::Text, "SET ROLE for migration bodies"),
    key("search_path", Shape::Text, "the search path of migration bodies"),
    key("lock_timeout", Shape::Duration, "how long a statement waits for a lock"),
    key("timeout", Shape::Duration, "how long a statement may take"),
    key("settings", Shape::Settings, "server settings of migration bodies"),
    key("variables", Shape::Settings, "values that are filled into the SQL"),
    key("formerly", Shape::Text, "the name that the set had before"),
];

static POLICY: &[Key] = &[
    key("approval", Shape::Choice(&["none", "required"]), "whether a person approves a plan"),
    key("backup", Shape::Choice(&["none", "required"]), "whether a backup is taken first"),
    key("lint", Shape::Choice(&["off", "warn", "deny"]), "whether what the linter finds is dropped, shown or refused"),
    key("require_down", Shape::Flag, "whether every migration must have a down"),
    key("pull_in", Shape::Flag, "whether `--service` may take along another service's pending migrations"),
    key("seeds", Shape::Flag, "whether seeds are loaded"),
    key(
        "reset",
        Shape::Flag,
        "reserved: whether data may be thrown away on targets that are disposable; no command does so yet",
    ),
];

static BACKUP: &[Key] = &[key("command", Shape::Text, "the command that takes it")];
