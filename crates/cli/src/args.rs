//! The command line as clap sees it; what the words mean is decided by the commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// Migrates many databases of many services at once, in one dependency order
#[derive(Debug, Parser)]
#[command(name = "dunlin", version, max_term_width = 100, after_help = FIRST_STEPS, arg_required_else_help = true)]
#[command(override_usage = "dunlin [OPTIONS] <COMMAND>")]
pub(crate) struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    pub(crate) global: Global,
    /// What `dunlin status --all` shows; how older tools spell it
    #[arg(long, hide = true)]
    pub(crate) list: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const FIRST_STEPS: &str = "\
First steps:
  dunlin init      write a dunlin.toml, and name your databases and services in it
  dunlin validate  check files and dependencies, without any database
  dunlin plan      see what would run where, in which order
  dunlin up        see it, say yes, and it runs

Exit codes:
   0  done (what was held back is named)
   1  a migration failed, or a server refused
   2  usage, configuration or plan invalid
   3  a migration stopped half way and needs a decision
   4  drift: an applied file was edited or is missing, or a database is not the one it was
  75  a server is out of reach, or the run was interrupted: try again";

const PLAN_EXAMPLES: &str = "\
Examples:
  dunlin plan                        everything that is pending
  dunlin plan --service crm          one service, and what it needs of others
  dunlin plan --service crm --only   refused if it needs others' pending ones
  dunlin plan --to crm/20240101_003  up to and including this migration";

const UP_EXAMPLES: &str = "\
Examples:
  dunlin up                        everything that is pending; asks first
  dunlin up --yes                  where nobody can be asked
  dunlin up --service crm          one service, and what it needs of others
  dunlin up --to crm/20240101_003  up to and including this migration
  dunlin up --yes --format json    a report on stdout, progress on stderr

A failure stops what depends on it and nothing else. Mend the cause and run it
again: what is done is not repeated.";

const REPAIR_EXAMPLES: &str = "\
Examples:
  dunlin repair                    what waits for a person, and what can be said
  dunlin repair accept crm/7 --reason 'only a comment in a string changed'
  dunlin repair done crm/7 --reason 'finished by hand, ticket 812'
  dunlin repair done crm/7 --statement 3 --reason 'the third one is done'
  dunlin repair undone crm/7 --reason 'put back by hand'
  dunlin repair forget crm/7 --reason 'taken back by hand'

A repair changes the ledger and nothing else, takes effect only on the row that
was shown, and is written down with its reason; see `dunlin history`.";

const ADOPT_EXAMPLES: &str = "\
Examples:
  dunlin adopt --fork --target core --reason 'staging, copied from production'
  dunlin adopt --after-restore --target core --reason 'disk lost, ticket 813'

`dunlin plan` and `dunlin status` say where it is needed. It changes the
ledger's identity and nothing else, and is written down with its reason. What
others need and a restore has lost is applied again by the next `dunlin up`.";

const CRON_EXAMPLES: &str = "\
Examples:
  dunlin cron list                     every job, its last run and its next one
  dunlin cron history nightly          what came of its last runs
  dunlin cron run nightly --yes        once, now, in its database and as its user
  dunlin cron pause nightly --reason 'ticket 817'
  dunlin cron resume nightly

What a person says of a job counts more than `active` in a jobs.toml, until the
person says otherwise; `dunlin plan` respects it, and the log keeps it.";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  dunlin doctor                    every database of the environment, at once
  dunlin doctor --target core -v   one of them, with what is well line by line
  dunlin doctor --long 5s          what has been open for five seconds is long
  dunlin doctor --format json      for a monitor

Warnings leave the exit code 0: a run may have to wait, or part of it may fail.
An error means that a run would fail: 1 if a server or a privilege says no, 2 if
the configuration does, 4 if a ledger or a database is not what it was, 75 if a
server is out of reach or a standby.";

const DOWN_EXAMPLES: &str = "\
Examples:
  dunlin down --set crm        the last applied migration of one set
  dunlin down --version crm/7  this one, if nothing applied needs it
  dunlin down --version crm/7 --cascade
                               this one, after all that need it anywhere
  dunlin down --to crm/7       everything of its set after this one
  dunlin down --run RUN        what one run applied; see `dunlin history`

Nothing is touched when one of them has no down.";

/// What every command takes
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The project's file (default: dunlin.toml or configs/dunlin.toml, searched upwards)
    #[arg(long, global = true, value_name = "FILE", env = "DUNLIN_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// The environment whose file is laid over the project's
    #[arg(long, global = true, value_name = "NAME", env = "DUNLIN_ENV", hide_env_values = true)]
    pub(crate) env: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// No progress on stderr, only what is wrong
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more: every statement and the server's notices; twice for debug logs
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Progress and logs on stderr: lines for people, or one JSON object per line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a dunlin.toml to start from
    Init(InitArgs),
    /// Write the files of a new migration, in its set's own naming style
    New(NewArgs),
    /// Show what `up` would do, and change nothing
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Apply what is pending, in dependency order
    #[command(visible_alias = "migrate", after_help = UP_EXAMPLES)]
    Up(UpArgs),
    /// Take applied migrations back, dependents first
    #[command(visible_alias = "rollback", after_help = DOWN_EXAMPLES)]
    Down(DownArgs),
    /// Show where every migration stands
    #[command(visible_alias = "info")]
    Status(StatusArgs),
    /// Check configuration, files and dependencies without any database
    Validate(ValidateArgs),
    /// Draw the dependency graph
    Graph(GraphArgs),
    /// Say what is so where files and ledgers alone do not tell
    #[command(after_help = REPAIR_EXAMPLES)]
    Repair(RepairArgs),
    /// Say what a database is that is not the one its ledger was made in
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(AdoptArgs),
    /// Tell everything about one migration
    Explain(ExplainArgs),
    /// Show what was applied, when and by whom
    History(HistoryArgs),
    /// See whether every database is fit for a run: read only, nothing is locked
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Jobs of pg_cron: what they are, what came of their runs, when they come next
    #[command(after_help = CRON_EXAMPLES)]
    Cron(CronArgs),
    /// Compare databases with what the applied migrations say of them: hypertables, policies, what jobs call, and more
    Verify(VerifyArgs),
    /// Servers on this machine for `url = "embedded"`
    Dev(DevArgs),
    /// Print what each kind of database can do, as the page of the documentation has it
    #[command(hide = true)]
    Capabilities,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Which migrations a command is about; everything when nothing is named
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScopeArgs {
    /// Only this service, by name or alias; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Vec<String>,
    /// Only this database; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Vec<String>,
    /// Only this migration set; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write it
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The project's name (default: the directory's)
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Print SQL that makes roles which share a ledger that none of them owns; writes nothing
    #[arg(long, conflicts_with_all = ["dir", "name"])]
    pub(crate) roles: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The migration set
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// What it does, in a few words
    #[arg(value_name = "DESCRIPTION", required = true, num_args = 1..)]
    pub(crate) description: Vec<String>,
    /// Its version (default: the next one in the set's style)
    #[arg(long)]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Up to and including this migration and what it needs
    #[arg(long, value_name = "ID|VERSION")]
    pub(crate) to: Option<String>,
    /// Refuse to take along other services' pending migrations
    #[arg(long)]
    pub(crate) only: bool,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Exit 75 when something pending was held back
    #[arg(long)]
    pub(crate) require_complete: bool,
}

/// How a plan is run
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Show the plan and stop, as `plan` does
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Start nothing new after the first failure
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// How long a migration is tried again while others hold what it needs
    #[arg(long, value_name = "DURATION", default_value = "15min", value_parser = dunlin_project::duration)]
    pub(crate) lock_wait: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Take this migration back
    #[arg(long, value_name = "ID|VERSION", conflicts_with_all = ["to", "run"])]
    pub(crate) version: Option<String>,
    /// Take back everything of its set after this migration
    #[arg(long, value_name = "ID|VERSION", conflicts_with = "run")]
    pub(crate) to: Option<String>,
    /// Take back what this run applied
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Take back applied dependents too, in every database
    #[arg(long)]
    pub(crate) cascade: bool,
    #[command(flatten)]
    pub(crate) how: RunArgs,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Default, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// List every migration, also of sets that are complete
    #[arg(long, short = 'a', visible_alias = "list")]
    pub(crate) all: bool,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Text,
    Dot,
    Mermaid,
    Svg,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphLevel {
    Sets,
    Migrations,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// How it is drawn: boxes and arrows, for Graphviz, for Mermaid, as a picture, or as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: GraphFormat,
    /// What a box stands for
    #[arg(long, value_name = "LEVEL", default_value = "sets")]
    pub(crate) level: GraphLevel,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The migration: an id, or a version that only one bears
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Do not ask the database
    #[arg(long)]
    pub(crate) offline: bool,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(subcommand)]
    pub(crate) command: Option<RepairCommand>,
}

#[derive(Debug, Args)]
pub(crate) struct CronArgs {
    /// Only the jobs of this target of kind `cron`
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) target: Option<String>,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(crate) format: Format,
    #[command(subcommand)]
    pub(crate) command: CronCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Every job, with its last run and its next
    List,
    /// The last runs, newest first
    History {
        /// Only of this job
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// How many of each job
        #[arg(long, value_name = "NUMBER", default_value = "10")]
        limit: u32,
    },
    /// Run a job's command now, once, in its database and as its user
    Run(JobArgs),
    /// Let a job rest until `resume`, whatever is declared
    Pause(WordArgs),
    /// Let a job go on
    Resume(WordArgs),
}

#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    /// The job
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Why; it is kept in the ledger's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RepairCommand {
    /// An edited file counts as what was applied
    Accept(SettleArgs),
    /// What was begun is done
    Done(StatementArgs),
    /// Nothing of what was begun is there
    Undone(StatementArgs),
    /// Nothing of it is there any more: it was taken back by hand
    Forget(SettleArgs),
}

/// A repair of one migration
#[derive(Debug, Args)]
pub(crate) struct SettleArgs {
    /// The migration: an id, or a version that only one bears
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why; it is kept in the ledger's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// In which database, where several have it
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct StatementArgs {
    #[command(flatten)]
    pub(crate) settle: SettleArgs,
    /// Of one that runs statement by statement: up to this one is done, or from this one on undone
    #[arg(long, value_name = "N")]
    pub(crate) statement: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    pub(crate) how: AdoptHow,
    /// The target whose database it is
    #[arg(long, value_name = "NAME")]
    pub(crate) target: String,
    /// Why; it is kept in the ledger's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// What the database is
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct AdoptHow {
    /// A copy that goes its own way from here: its ledger gets an identity of its own
    #[arg(long)]
    pub(crate) fork: bool,
    /// The same, restored or moved: others go on referring to its ledger
    #[arg(long)]
    pub(crate) after_restore: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Check the whole logs against their seals, and the ledgers' rows against the logs
    #[arg(long, conflicts_with_all = ["service", "set"])]
    pub(crate) verify: bool,
    /// A head that was kept from an earlier run has to be in one of the logs still
    #[arg(long, value_name = "HEX", requires = "verify")]
    pub(crate) head: Option<String>,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// From which age on a transaction that others left open counts as long
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = dunlin_project::duration)]
    pub(crate) long: Duration,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// For people, or one JSON document on stdout for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    #[command(subcommand)]
    pub(crate) command: DevCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Start the server and keep it until `down`
    Up,
    /// Stop the server; its data stay
    Down {
        /// Remove its data too
        #[arg(long)]
        delete: bool,
    },
    /// Print the URL of a target's database
    Url {
        /// The target
        target: String,
    },
    /// Open psql on a target's database
    Psql {
        /// The target
        target: String,
        /// Arguments for psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Stop the server and remove its data
    Reset,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

impl Cli {
    /// What is asked for; ends the process where nothing is.
    pub(crate) fn into_command(self) -> Command {
        match self.command {
            Some(command) => command,
            None if self.list => Command::Status(StatusArgs { all: true, ..StatusArgs::default() }),
            None => Self::command().error(ErrorKind::MissingSubcommand, "no command is named").exit(),
        }
    }
}

impl ScopeArgs {
    /// Whether nothing is named.
    pub(crate) fn is_everything(&self) -> bool {
        self.service.is_empty() && self.target.is_empty() && self.set.is_empty()
    }
}

impl RepairArgs {
    fn format(&self) -> Format {
        match &self.command {
            None => self.format,
            Some(RepairCommand::Accept(args) | RepairCommand::Forget(args)) => args.format,
            Some(RepairCommand::Done(args) | RepairCommand::Undone(args)) => args.settle.format,
        }
    }
}

impl Command {
    /// Whether a program reads stdout and expects JSON there, whatever happens.
    pub(crate) fn wants_json(&self) -> bool {
        let format = match self {
            Self::Plan(args) => args.format,
            Self::Up(args) => args.plan.format,
            Self::Down(args) => args.format,
            Self::Status(args) => args.format,
            Self::Validate(args) => args.format,
            Self::Explain(args) => args.format,
            Self::Repair(args) => args.format(),
            Self::Adopt(args) => args.format,
            Self::History(args) => args.format,
            Self::Doctor(args) => args.format,
            Self::Verify(args) => args.format,
            Self::Cron(args) => args.format,
            Self::Graph(args) => return args.format == GraphFormat::Json,
            Self::Init(_) | Self::New(_) | Self::Dev(_) | Self::Capabilities | Self::Completions(_) => return false,
        };
        format == Format::Json
    }
}
