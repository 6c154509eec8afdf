//! What can be made to go wrong, and where.

use dunlin_planner::{Failure, LaneKind, MigrationId};

/// One act of a driver or session, before it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Reading the database.
    Inspect,
    /// Making the ledger.
    Bootstrap,
    /// Opening a session.
    Session(LaneKind),
    /// A whole transactional step.
    Apply(MigrationId),
    /// Claiming a step that runs statement by statement.
    Claim(MigrationId),
    /// Looking at the catalog for the statement with this number.
    Probe(usize),
    /// Writing an intent down.
    Intend(MigrationId, usize),
    /// Removing what an earlier attempt left behind.
    Clean(MigrationId, usize),
    /// Running a statement by itself.
    Execute(MigrationId, usize),
    /// Running a statement and recording its progress.
    ExecuteRecorded(MigrationId, usize),
    /// Running a range of a backfill, and moving its cursor.
    Batch(MigrationId, u32),
    /// Recording progress.
    Advance(MigrationId, usize),
    /// Pausing what goes on by itself.
    Pause,
    /// Resuming it.
    Resume,
    /// Making of a row what a person says.
    Settle(MigrationId),
    /// Marking a step as finished.
    Finish(MigrationId),
}

/// What becomes of an act. A failure of class `Unknown` also loses the session's connection, and with it its locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It fails before it has done anything.
    Before(Failure),
    /// It is done, and reported as failed.
    After(Failure),
    /// It fails half way: an index that was being built stays, and is not valid. Anything else is as if before.
    Halfway(Failure),
}
