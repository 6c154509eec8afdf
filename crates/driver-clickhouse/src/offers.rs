//! What a ClickHouse can do: there are no transactions, and much follows from that.

use dunlin_planner::{Offers, Support};

/// A ClickHouse database.
pub const OFFERS: Offers = Offers {
    transactions: Support::No("there are no transactions: each statement is written down before it runs and after"),
    statements: Support::Yes,
    probes: Support::Partly("what its catalog shows; whether an interrupted INSERT was done, a person says"),
    large: Support::No("a file is held in memory, 8 MiB at most"),
    rows: Support::Yes,
    backfills: Support::No("a mutation of ClickHouse goes through a table in the background by itself"),
    downs: Support::Yes,
    pausing: Support::No("there is nothing that goes on by itself"),
    jobs: Support::No("there is nothing that goes on by itself"),
    chain: Support::No("the log is kept, and not sealed"),
    repairs: Support::Yes,
    claims: Support::Yes,
    roles: Support::Partly("`role` from 24.4 on; the ledger has no roles of its own"),
    cancel: Support::Partly(
        "not what the server cannot stop, such as ALTER in old releases; a mutation goes on, and the next run awaits it",
    ),
    notices: Support::No("it says nothing beside its answers"),
    blockers: Support::Partly("other runs of Dunlin"),
    replicas: Support::Partly("`ON CLUSTER` is looked up on each replica; the ledger is one server's"),
    poolers: Support::No("requests over HTTP need none"),
    doctor: Support::Partly("reachability, TLS, mutations, disk and ledger; not what a user may do"),
};
