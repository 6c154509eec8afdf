//! Decides what runs where and in which order; never runs anything itself.
//!
//! The planner takes values in (the [`Catalog`] that was read from files, the [`TargetFacts`] that were read from the
//! databases) and gives values back (the [`Graph`], the [`Plan`], the [`Status`], and the [`Run`] state machine that the
//! engine asks what to do next). It is pure: no async, no files, no environment, no clock. That is what lets the same
//! decisions be shown by `plan`, executed by `up` and simulated by the tests.

mod adopt;
mod advice;
mod attempt;
mod audit;
mod backfill;
mod bodies;
mod catalog;
mod chain;
mod check;
mod claim;
mod closure;
mod cron;
mod cycle;
mod databases;
mod digest;
mod doctor;
mod down;
mod effect;
mod event;
mod facts;
mod failover;
mod finding;
mod graph;
mod identity;
mod ids;
mod inferred;
mod migration;
mod needs;
mod offers;
mod pattern;
mod pausing;
mod place;
mod plan;
mod promise;
mod repair;
mod report;
mod resolve;
mod run;
mod select;
mod status;
mod through;
mod time;
mod undeclared;
mod up;
mod verify;
mod version;
mod walk;

pub use adopt::{Adoption, Belonging, How, adopt};
pub use advice::advice;
pub use attempt::Start;
pub use audit::{Audit, Log, LogKey, LogRow, audit};
pub use backfill::{Backfill, BackfillAction, BackfillProgress, Batch, BatchFacts, BatchPlace, Begun, Pace, Pressure};
pub use bodies::{Bodies, BodyGone, Fragment, Piece, Pieces};
pub use catalog::{
    Catalog, DependencyEntry, DependencyFile, Missing, Policy, Reference, Service, Set, Target, TargetKind,
};
pub use chain::{Cover, LogLine, Seal, SealStamp};
pub use claim::{Claim, Claimed};
pub use closure::unmet;
pub use cron::{
    Alteration, AppliedJob, Job, JobChange, JobFacts, JobKey, JobRun, Jobs, JobsVersion, LiveJob, Schedule,
    ScheduleError, Word,
};
pub use databases::Databases;
pub use digest::{Digest, DigestParseError};
pub use doctor::{
    Access, Area, Check, Creation, Diagnosis, Direct, Encryption, Examination, ExtensionSeen, Freeze, Health, HostSeen,
    InvalidIndex, Lag, Level, Line, Load, LongTransaction, Membership, Mutation, Prepared, Replication, RoleSeen, Room,
    Route, RunsUnder, ServerRole, Setting, Slot, StandbySeen, TargetDiagnosis, Told, Transactions, Used, Verified,
    diagnose,
};
pub use down::{DownRequest, DownScope, plan_down};
pub use effect::{Effect, Thing};
pub use event::{Event, EventKind, LaneKind, Notice};
pub use facts::{
    Capabilities, Feature, Holder, Identity, Ledger, LedgerRow, LogEntry, Observed, RowState, ServerVersion,
    StoredDependency, TargetFacts,
};
pub use failover::Failover;
pub use finding::{Class, Finding, Severity};
pub use graph::{Edge, EdgeKind, Graph, MigrationIx};
pub use identity::Kinship;
pub use ids::{
    EnvironmentName, InvalidName, LedgerId, MigrationId, ProjectName, RunId, ServiceName, SetName, TargetName,
};
pub use inferred::{CalledRoutine, MadeRoutine};
pub use migration::{
    Body, Copy, IndexShape, Kind, Migration, Phase, Probe, QualifiedName, Rebuilt, Statement, StatementClass,
    StepSettings, Streamed,
};
pub use needs::{Have, Need, Needs};
pub use offers::{Offers, Support};
pub use pattern::Pattern;
pub use pausing::{LeftPaused, Obligation, Pausable, Pause, PauseFacts, Resumption, ResumptionEnd};
pub use place::Place;
pub use plan::{Action, Dependency, Direction, Held, HeldReason, Plan, PlannedTarget, Step, StepIx, Wait};
pub use promise::{
    AggregateShape, Compression, CompressionSetting, Dimension, Policed, Promise, Promised, Refresh, Slicing,
};
pub use repair::{
    Becomes, Checksums, Repair, Repairable, RowMark, Settlement, Way, doubt, free_to_go, halfway, repaired, repairs,
    settle, ways,
};
pub use report::{Head, Lost, RunReport, StepEnd, StepReport, Verdict};
pub use resolve::closest;
pub use run::{Failure, FailureClass, Limits, Next, Outcome, Run};
pub use select::{Scope, Selection};
pub use status::{MigrationStatus, StateWord, Status, TargetStatus, status};
pub use time::Timestamp;
pub use undeclared::Listed;
pub use up::{UpRequest, plan_up};
pub use verify::{Confirmed, Declared, Expected, Found, Verification, expected};
pub use version::Version;
pub use walk::{ProbeFact, Walk, WalkAction};
