//! The command line as clap sees it; what the words mean is decided by the commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Migrates many databases of many services at once, in one dependency order
#[derive(Debug, Parser)]
#[command(name = "dunlin", version, max_term_width = 100, after_help = EXIT_CODES, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
   0  done (what was held back is named)
   1  a migration failed, or a server refused
   2  usage, configuration or plan invalid
   3  a migration stopped half way and needs a decision
   4  drift: an applied file was edited or is missing, or a database is not the one it was
  75  a server is out of reach, or the run was interrupted: try again";

/// What every command takes
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The project's file (default: dunlin.toml or configs/dunlin.toml, searched upwards)
    #[arg(long, global = true, value_name = "FILE", env = "DUNLIN_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// The environment whose file is laid over the project's
    #[arg(long, global = true, value_name = "NAME", env = "DUNLIN_ENV")]
    pub(crate) env: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Say less on stderr
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for the server's own notices and debug logs
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How logs and progress are written to stderr where it is no terminal
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a dunlin.toml to start from
    Init(InitArgs),
    /// Write the files of a new migration, in its set's own naming style
    New(NewArgs),
    /// Show what `up` would do, and change nothing
    Plan(PlanArgs),
    /// Apply what is pending, in dependency order
    #[command(visible_alias = "migrate")]
    Up(UpArgs),
    /// Take applied migrations back, dependents first
    #[command(visible_alias = "rollback")]
    Down(DownArgs),
    /// Show where every migration stands
    #[command(visible_alias = "info")]
    Status(StatusArgs),
    /// Check configuration, files and dependencies without any database
    Validate(ValidateArgs),
    /// Draw the dependency graph
    Graph(GraphArgs),
    /// Tell everything about one migration
    Explain(ExplainArgs),
    /// Show what was applied, when and by whom
    History(HistoryArgs),
    /// Servers on this machine for `url = "embedded"`
    Dev(DevArgs),
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
    /// Output format
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
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// List every migration, also of sets that are complete
    #[arg(long, short = 'a', alias = "list")]
    pub(crate) all: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Boxes and arrows for a terminal
    Text,
    /// Graphviz
    Dot,
    /// Mermaid, as GitHub shows it
    Mermaid,
    /// A picture
    Svg,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphLevel {
    /// One node per migration set
    Sets,
    /// One node per migration
    Migrations,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// How it is drawn
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: GraphFormat,
    /// What a node is
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
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Output format
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
