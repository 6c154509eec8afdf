//! What every PostgreSQL database can do; relatives say what they differ in.

use dunlin_planner::{Offers, Support};

/// A PostgreSQL database.
pub const POSTGRES: Offers = Offers {
    transactions: Support::Yes,
    statements: Support::Yes,
    probes: Support::Yes,
    large: Support::Partly("in one transaction; what cannot be in one belongs into a file of its own"),
    rows: Support::Yes,
    backfills: Support::Yes,
    downs: Support::Yes,
    pausing: Support::No("there is nothing that goes on by itself"),
    jobs: Support::No("pg_cron keeps them in the database of a target of kind `cron`"),
    chain: Support::Yes,
    repairs: Support::Yes,
    claims: Support::Yes,
    roles: Support::Yes,
    cancel: Support::Yes,
    notices: Support::Yes,
    blockers: Support::Yes,
    replicas: Support::Yes,
    poolers: Support::Yes,
    doctor: Support::Yes,
};
