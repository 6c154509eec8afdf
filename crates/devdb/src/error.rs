//! What can go wrong, in one enum: callers show it, none of them acts on a single case.
//!
//! `Display` is the one sentence; [`DevdbError::hint`] what to change; [`DevdbError::details`] the last lines that the
//! failed program wrote.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::home::Home;

/// Why a server could not be provided, started, used or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DevdbError {
    /// The directory cannot hold servers.
    #[error("`{}` cannot be the home of servers: {reason}", dir.display())]
    Home {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The home was made by somebody else.
    #[error("`{}` belongs to user id {owner}, but this process runs as user id {user}", dir.display())]
    ForeignHome {
        /// The home directory.
        dir: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// A name that cannot be a directory and part of a socket's path.
    #[error("`{name}` cannot be a cluster's name")]
    Name {
        /// The refused name.
        name: String,
    },
    /// The socket's path would be longer than the system allows.
    #[error("the socket path of cluster `{name}` in `{}` is longer than 107 bytes", home.display())]
    SocketPath {
        /// The cluster.
        name: String,
        /// Its home.
        home: PathBuf,
    },
    /// Run as root, on a machine without an account that servers can run as.
    #[error("a server cannot run as root, and neither user `postgres` nor `nobody` exists")]
    NoAccount,
    /// The account that servers run as cannot enter the home.
    #[error("user `{user}`, who runs the server, cannot enter `{}`", dir.display())]
    Unreachable {
        /// The account.
        user: String,
        /// The directory.
        dir: PathBuf,
    },
    /// There is no way to provide a server on this machine.
    #[error("{what} cannot be installed here: {reason}")]
    Unsupported {
        /// Which.
        what: &'static str,
        /// What is missing.
        reason: &'static str,
    },
    /// A downloaded program lacks a library: the recipe does not fit this machine.
    #[error("`{}` lacks a shared library", file.display())]
    Unresolved {
        /// The program or library.
        file: PathBuf,
        /// What the loader said.
        output: String,
    },
    /// A program is not there or cannot be executed.
    #[error("`{program}` cannot be run")]
    Spawn {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed ({status})")]
    Program {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        output: String,
    },
    /// The server did not start.
    #[error("the server of cluster `{name}` did not start; its log is `{}`", log.display())]
    Start {
        /// The cluster.
        name: String,
        /// The server's log, gone already if the cluster is temporary.
        log: PathBuf,
        /// The log's last lines.
        output: String,
    },
    /// The pooler did not start.
    #[error("PgBouncer did not start")]
    Pooler {
        /// The log's last lines.
        output: String,
    },
    /// A server over HTTP refused a statement, or did not answer.
    #[error("the server refused a statement")]
    Refused {
        /// What it said.
        output: String,
    },
    /// The cluster was made for another flavour.
    #[error("cluster `{name}` exists with another flavour")]
    OtherFlavour {
        /// The cluster.
        name: String,
    },
    /// The programs that the cluster's data belong to are gone.
    #[error("cluster `{name}` needs the server programs in `{}`, which are gone", bindir.display())]
    ProgramsGone {
        /// The cluster.
        name: String,
        /// Where the programs were.
        bindir: PathBuf,
    },
    /// The cluster's state file was not written by this version.
    #[error("`{}` is not a state file of this version", file.display())]
    State {
        /// The file.
        file: PathBuf,
    },
    /// A file operation failed; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl DevdbError {
    /// What to change, where there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Home { .. } | Self::ForeignHome { .. } | Self::SocketPath { .. } => {
                format!("choose another home, for example `{}`", Home::default_dir().display())
            }
            Self::Unreachable { .. } => "choose a home whose parent directories everybody may enter".to_owned(),
            Self::Name { .. } => "use up to 40 lower-case letters, digits and hyphens".to_owned(),
            Self::NoAccount => "run as an ordinary user".to_owned(),
            Self::Unsupported { .. } => "give the URL of a server that exists".to_owned(),
            Self::OtherFlavour { .. } | Self::ProgramsGone { .. } | Self::State { .. } => {
                "use another name, or remove the cluster with its data".to_owned()
            }
            _ => return None,
        })
    }

    /// The last lines that the failed program or server wrote.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Unresolved { output, .. }
            | Self::Program { output, .. }
            | Self::Start { output, .. }
            | Self::Pooler { output }
            | Self::Refused { output } => Some(output),
            _ => None,
        }
    }
}
