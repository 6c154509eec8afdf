//! The strongest lock that a statement takes on something that others use already.
//!
//! After PostgreSQL's documentation of explicit locking and of ALTER TABLE. What a statement creates counts not, since
//! nobody waits for it. Whatever is not known here is taken for ACCESS EXCLUSIVE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

/// Table-level locks, weakest first. Declared in the order of PostgreSQL's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockLevel {
    /// No lock on a table.
    None,
    /// Reading.
    AccessShare,
    /// SELECT … FOR UPDATE and the like.
    RowShare,
    /// Writing rows.
    RowExclusive,
    /// VACUUM, ANALYZE, concurrent index builds: reads and writes go on.
    ShareUpdateExclusive,
    /// A plain CREATE INDEX: writes wait.
    Share,
    /// Triggers and foreign keys: writes wait.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY: only reads go on.
    Exclusive,
    /// Everything waits.
    AccessExclusive,
}

impl LockLevel {
    /// As PostgreSQL writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

/// Functions of TimescaleDB that lock a whole table.
const LOCKING_FUNCTIONS: [&str; 4] = ["create_hypertable", "add_dimension", "drop_chunks", "attach_tablespace"];

/// Does a call of this function lock like ALTER TABLE?
pub(crate) fn call_locks(function: &str) -> bool {
    LOCKING_FUNCTIONS.contains(&function)
}

/// The lock of one statement's node.
pub(crate) fn level(statement: &SyntaxNode) -> LockLevel {
    use LockLevel as L;
    use SyntaxKind as K;
    let concurrently = has(statement, K::CONCURRENTLY_KW);
    match statement.kind() {
        K::SELECT | K::COMPOUND_SELECT | K::PAREN_SELECT | K::VALUES | K::TABLE | K::SELECT_INTO | K::EXPLAIN => {
            reading(statement)
        }
        K::INSERT | K::UPDATE | K::DELETE | K::MERGE | K::COPY => L::RowExclusive,
        K::CREATE_TABLE => creating_table(statement),
        K::CREATE_TABLE_AS | K::CREATE_MATERIALIZED_VIEW => L::AccessShare,
        K::CREATE_VIEW if !contains(statement, K::OR_REPLACE) => L::AccessShare,
        K::CREATE_INDEX | K::DROP_INDEX if concurrently => L::ShareUpdateExclusive,
        K::CREATE_INDEX => L::Share,
        K::REINDEX if contains(statement, K::CONCURRENTLY_KW) => L::ShareUpdateExclusive,
        K::CREATE_TRIGGER | K::ALTER_SEQUENCE => L::ShareRowExclusive,
        K::REFRESH if concurrently => L::Exclusive,
        K::ANALYZE
        | K::COMMENT_ON
        | K::CREATE_STATISTICS
        | K::ALTER_STATISTICS
        | K::CREATE_PUBLICATION
        | K::ALTER_PUBLICATION
        | K::ALTER_INDEX => L::ShareUpdateExclusive,
        K::VACUUM if !full_vacuum(statement) => L::ShareUpdateExclusive,
        K::ALTER_TABLE => strongest(statement.children().map(|action| table_action(&action))),
        K::LOCK => explicit(statement),
        kind if without_lock(kind) => L::None,
        _ => L::AccessExclusive,
    }
}

/// Statements that change catalogs or settings only.
fn without_lock(kind: SyntaxKind) -> bool {
    use SyntaxKind as K;
    matches!(
        kind,
        K::ALTER_DATABASE
            | K::ALTER_DEFAULT_PRIVILEGES
            | K::ALTER_EXTENSION
            | K::ALTER_FUNCTION
            | K::ALTER_PROCEDURE
            | K::ALTER_ROLE
            | K::ALTER_SCHEMA
            | K::ALTER_SYSTEM
            | K::ALTER_TYPE
            | K::ALTER_USER
            | K::CREATE_AGGREGATE
            | K::CREATE_CAST
            | K::CREATE_COLLATION
            | K::CREATE_DATABASE
            | K::CREATE_DOMAIN
            | K::CREATE_EVENT_TRIGGER
            | K::CREATE_EXTENSION
            | K::CREATE_FOREIGN_DATA_WRAPPER
            | K::CREATE_FOREIGN_TABLE
            | K::CREATE_FUNCTION
            | K::CREATE_OPERATOR
            | K::CREATE_OPERATOR_CLASS
            | K::CREATE_PROCEDURE
            | K::CREATE_ROLE
            | K::CREATE_SCHEMA
            | K::CREATE_SEQUENCE
            | K::CREATE_SERVER
            | K::CREATE_SUBSCRIPTION
            | K::CREATE_TYPE
            | K::CREATE_USER
            | K::CREATE_USER_MAPPING
            | K::DISCARD
            | K::DROP_DATABASE
            | K::DROP_FUNCTION
            | K::DROP_PROCEDURE
            | K::DROP_ROLE
            | K::DROP_USER
            | K::EMPTY_STMT
            | K::GRANT
            | K::NOTIFY
            | K::RELEASE_SAVEPOINT
            | K::RESET
            | K::RESET_ROLE
            | K::REVOKE
            | K::SAVEPOINT_CREATE
            | K::SET
            | K::SET_CONSTRAINTS
            | K::SET_ROLE
            | K::SET_SESSION_AUTH
            | K::SHOW
    )
}

fn reading(statement: &SyntaxNode) -> LockLevel {
    let writes = [SyntaxKind::INSERT, SyntaxKind::UPDATE, SyntaxKind::DELETE];
    if writes.into_iter().any(|kind| contains(statement, kind)) {
        LockLevel::RowExclusive
    } else if contains(statement, SyntaxKind::LOCKING_CLAUSE) {
        LockLevel::RowShare
    } else {
        LockLevel::AccessShare
    }
}

fn creating_table(statement: &SyntaxNode) -> LockLevel {
    use SyntaxKind as K;
    if contains(statement, K::PARTITION_OF) {
        LockLevel::AccessExclusive
    } else if contains(statement, K::REFERENCES_CONSTRAINT) || contains(statement, K::FOREIGN_KEY_CONSTRAINT) {
        LockLevel::ShareRowExclusive
    } else if contains(statement, K::INHERITS) {
        LockLevel::ShareUpdateExclusive
    } else {
        LockLevel::None
    }
}

fn table_action(action: &SyntaxNode) -> LockLevel {
    use LockLevel as L;
    use SyntaxKind as K;
    match action.kind() {
        K::TABLE_RELATION_NAME | K::IF_EXISTS => L::None,
        K::VALIDATE_CONSTRAINT | K::CLUSTER_ON | K::SET_WITHOUT_CLUSTER => L::ShareUpdateExclusive,
        K::ENABLE_TRIGGER | K::DISABLE_TRIGGER | K::ENABLE_ALWAYS_TRIGGER | K::ENABLE_REPLICA_TRIGGER => {
            L::ShareRowExclusive
        }
        K::ADD_CONSTRAINT if contains(action, K::FOREIGN_KEY_CONSTRAINT) => L::ShareRowExclusive,
        K::SET_OPTIONS | K::RESET_OPTIONS if !contains(action, K::ATTRIBUTE_NAMESPACE) => L::ShareUpdateExclusive,
        K::ALTER_COLUMN if contains(action, K::SET_STATISTICS) => L::ShareUpdateExclusive,
        K::ALTER_COLUMN if contains(action, K::SET_OPTIONS) || contains(action, K::RESET_OPTIONS) => {
            L::ShareUpdateExclusive
        }
        K::DETACH_PARTITION if contains(action, K::DETACH_CONCURRENTLY) => L::ShareUpdateExclusive,
        _ => L::AccessExclusive,
    }
}

fn explicit(statement: &SyntaxNode) -> LockLevel {
    use LockLevel as L;
    let modes = [
        (SyntaxKind::ACCESS_SHARE, L::AccessShare),
        (SyntaxKind::ROW_SHARE, L::RowShare),
        (SyntaxKind::ROW_EXCLUSIVE, L::RowExclusive),
        (SyntaxKind::SHARE_UPDATE_EXCLUSIVE, L::ShareUpdateExclusive),
        (SyntaxKind::SHARE, L::Share),
        (SyntaxKind::SHARE_ROW_EXCLUSIVE, L::ShareRowExclusive),
        (SyntaxKind::EXCLUSIVE, L::Exclusive),
    ];
    modes.into_iter().find(|(kind, _)| contains(statement, *kind)).map_or(L::AccessExclusive, |(_, level)| level)
}

fn full_vacuum(statement: &SyntaxNode) -> bool {
    statement
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .any(|token| token.text().eq_ignore_ascii_case("full"))
}

/// The strongest of several locks.
pub(crate) fn strongest(levels: impl Iterator<Item = LockLevel>) -> LockLevel {
    levels.max().unwrap_or(LockLevel::None)
}

/// Is a node or token of this kind a direct child?
fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|child| child.kind() == kind)
}

/// Is a node or token of this kind anywhere inside?
pub(crate) fn contains(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants_with_tokens().any(|inside| inside.kind() == kind)
}
