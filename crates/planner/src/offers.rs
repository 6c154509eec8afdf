//! What a kind of database can do at all, as its driver declares it: the conformance suite holds each driver to it, `dunlin
//! doctor` shows it, and the table in the documentation is made of it.
//!
//! What a single server can do beyond that is read from it ([`Capabilities`](crate::Capabilities)).

use serde::Serialize;

/// Whether something is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// Yes.
    Yes,
    /// In part: what is left out.
    Partly(&'static str),
    /// No: what is done instead, or why there is none.
    No(&'static str),
}

impl Support {
    /// Whether it is there, be it in part.
    #[must_use]
    pub fn is_there(self) -> bool {
        !matches!(self, Self::No(_))
    }
}

/// Declares [`Offers`]: each thing once, with its title. A driver cannot leave one out.
macro_rules! offers {
    ($($(#[$doc:meta])+ $name:ident: $title:literal,)+) => {
        /// Everything that kinds of databases may differ in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct Offers {
            $($(#[$doc])+ pub $name: Support,)+
        }

        impl Offers {
            /// Each thing by its title, in the order in which it is shown.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, Support)> {
                vec![$(($title, self.$name)),+]
            }
        }
    };
}

offers! {
    /// Whether a body that fails leaves nothing.
    transactions: "A migration and its ledger row are one transaction",
    /// Whether a body runs as a sequence of recorded statements where it cannot be one transaction.
    statements: "What cannot be in a transaction runs statement by statement, and is taken up where it stopped",
    /// Whether the catalog tells if an interrupted statement was done.
    probes: "The catalog tells what became of an interrupted statement",
    /// Whether a text may come in pieces.
    large: "Files of any size, read while they run",
    /// Whether rows may stand behind a statement.
    rows: "Rows in the file (`COPY … FROM STDIN`, `INSERT … FORMAT`)",
    /// Whether a statement may run over ranges of keys.
    backfills: "Backfills in batches",
    /// Whether files can be taken back.
    downs: "Downs and repeatables",
    /// Whether something that goes on by itself can be paused for a run.
    pausing: "Jobs rest while a database is migrated that they work in",
    /// Whether what goes on by itself can be declared.
    jobs: "Jobs declared in `jobs.toml`, and put right where somebody changed them",
    /// Whether the log is sealed and can be verified.
    chain: "The log of each run is sealed (`dunlin history --verify`)",
    /// Whether a person's word can be written down.
    repairs: "Repairs and adoption after a copy or a restore",
    /// Whether one of several runs takes a migration, whatever becomes of the others.
    claims: "Any number of runs at once: one takes a migration, the others wait or find it done",
    /// Whether bodies run under another role.
    roles: "A role for bodies (`role`), and roles that share a ledger (`dunlin init --roles`)",
    /// Whether a statement is ended at the server.
    cancel: "A stopped run ends its statement on the server",
    /// Whether what a server says beside its answers is shown.
    notices: "The server's notices are shown",
    /// Whether it is said who holds a lock.
    blockers: "Messages name who holds a lock",
    /// Whether a run goes on after a failover, and waits for standbys.
    replicas: "Runs go on after a failover, and wait for what must follow",
    /// Whether a connection pooler may be in between.
    poolers: "Works through a connection pooler, with `direct_url` past it",
    /// Whether a doctor examines it.
    doctor: "`dunlin doctor` examines it",
}
