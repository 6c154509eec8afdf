//! What each statement does, as far as its text tells.
//!
//! Objects, calls, locks and changes come from squawk's syntax tree, the class from the tokens. The parser is slow and
//! recursive, so each statement is parsed once, on a thread whose stack fits the longest one, and very long ones not at
//! all. Where a statement does not parse, the strongest lock is assumed and the lists hold what could be recognised.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::Call;
use crate::classify::{self, EnumValue, NonTx, StatementClass};
use crate::filled::{self, Rows};
use crate::lock::LockLevel;
use crate::name::QualifiedName;
use crate::needs::{self, Need};
use crate::phase::Phase;
use crate::settings::{self, Settings};
use crate::split::{Script, Statement};
use crate::timescale::{self, AggregateBuild, Promise, Reslicing};
use crate::tree;

/// Longer statements are rows, not structure, and are not parsed: the parser takes quadratic time in the nesting.
const MAX_PARSED: usize = 64 * 1024;
/// What the parser needs at rest, and for each byte of nesting: measured below 1.7 KiB per level, and a level takes two bytes.
const STACK_BASE: usize = 16 << 20;
const STACK_PER_BYTE: usize = 1024;

/// What one statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// May it run in a transaction?
    pub class: StatementClass,
    /// The enum value it adds, which cannot be used before it is committed.
    pub adds_enum_value: Option<EnumValue>,
    /// Was it parsed, without errors? If not, what follows is a guess on the safe side.
    pub parsed: bool,
    /// Objects that it names.
    pub objects: Vec<ObjectRef>,
    /// Functions and procedures that it calls.
    pub calls: Vec<Call>,
    /// The phase that it looks like.
    pub phase: Option<Phase>,
    /// The strongest lock that it takes on something that exists already.
    pub lock: LockLevel,
    /// Changes to columns that lint rules look at.
    pub changes: Vec<ColumnChange>,
    /// Options of TimescaleDB, in order.
    pub timescale_options: Vec<TimescaleOption>,
    /// The continuous aggregate that it creates.
    pub aggregate: Option<AggregateBuild>,
    /// What it promises, in order, and whether it does nothing where something is there already.
    pub promises: Vec<(Promise, bool)>,
    /// How it cuts what is there already into chunks from then on, in order.
    pub reslicings: Vec<Reslicing>,
    /// The table that it puts rows into, or leaves empty.
    pub rows: Option<Rows>,
    /// What it says by options of TimescaleDB.
    pub settings: Option<Settings>,
    /// What it needs of its server, in order.
    pub needs: Vec<Need>,
    /// The extensions that it creates or brings up to date, or perhaps does.
    pub brings: Vec<String>,
    /// Syntax errors.
    pub syntax_errors: Vec<SyntaxIssue>,
}

/// An object that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name; triggers, policies and rules go by their own name, without their table.
    pub name: QualifiedName,
    /// What happens to it.
    pub action: ObjectAction,
    /// Where it is named.
    pub range: Range<usize>,
}

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A table, a view or anything else that rows come from; the statement does not say which.
    Relation,
    /// A table.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A materialized view or continuous aggregate.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A function or aggregate.
    Function,
    /// A procedure.
    Procedure,
    /// A type or domain.
    Type,
    /// A schema.
    Schema,
    /// A trigger.
    Trigger,
    /// A policy of row security.
    Policy,
    /// A rewrite rule.
    Rule,
    /// A role.
    Role,
    /// A database.
    Database,
    /// An extension.
    Extension,
    /// A foreign server.
    Server,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
}

/// What a statement does with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectAction {
    /// Makes it, or gives this name to it.
    Create,
    /// Changes it.
    Alter,
    /// Removes it.
    Drop,
    /// Reads it, writes rows of it, or refers to it.
    Use,
}

/// A change to a table's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChange {
    /// The table.
    pub table: QualifiedName,
    /// The column.
    pub column: String,
    /// What happens to it.
    pub kind: ColumnChangeKind,
    /// The part of the statement that says so.
    pub range: Range<usize>,
}

/// The kinds of [`ColumnChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnChangeKind {
    /// ADD COLUMN.
    Add {
        /// NOT NULL or PRIMARY KEY.
        not_null: bool,
        /// A default, an identity or a generation expression fills it.
        filled: bool,
    },
    /// DROP COLUMN.
    Drop,
    /// RENAME COLUMN.
    Rename,
    /// Another type.
    SetType,
    /// SET NOT NULL.
    SetNotNull,
}

/// An option of TimescaleDB, such as `timescaledb.continuous`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimescaleOption {
    /// `timescaledb`, or `tsdb` for short.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its value as it is written, without quotes; none where there is only the name.
    pub value: Option<String>,
    /// Where it stands.
    pub range: Range<usize>,
}

impl fmt::Display for TimescaleOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// A syntax error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxIssue {
    /// What was expected.
    pub message: String,
    /// Where.
    pub range: Range<usize>,
}

/// Analyses each statement of `script`, which was split from `text`.
#[must_use]
pub fn analyze(text: &str, script: &Script) -> Vec<Analysis> {
    let longest =
        script.statements.iter().filter(|statement| is_parsed(statement)).map(|statement| statement.range.len()).max();
    let mut found = on_deep_stack(longest.unwrap_or_default(), || {
        let each = |statement| analyze_statement(text, statement);
        script.statements.iter().map(each).collect()
    });
    resolve_calls(text, script, &mut found);
    found
}

/// Runs `work` with a stack for the nesting that a statement of `longest` bytes can have.
fn on_deep_stack<T: Send>(longest: usize, work: impl Fn() -> Vec<T> + Send + Sync) -> Vec<T> {
    let stack = STACK_BASE + longest * STACK_PER_BYTE;
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, &work)
            .map_or_else(|_| None, |thread| thread.join().ok())
    })
    .unwrap_or_else(work)
}

fn is_parsed(statement: &Statement) -> bool {
    statement.range.len() <= MAX_PARSED
}

fn analyze_statement(text: &str, statement: &Statement) -> Analysis {
    let range = &statement.range;
    let mut analysis = Analysis {
        class: classify::classify(text, range),
        adds_enum_value: classify::added_enum_value(text, range),
        parsed: false,
        objects: Vec::new(),
        calls: Vec::new(),
        phase: None,
        lock: LockLevel::AccessExclusive,
        changes: Vec::new(),
        timescale_options: Vec::new(),
        aggregate: timescale::aggregate(text, range),
        promises: Vec::new(),
        reslicings: Vec::new(),
        rows: filled::rows(text, range),
        settings: None,
        needs: Vec::new(),
        brings: Vec::new(),
        syntax_errors: Vec::new(),
    };
    if is_parsed(statement) {
        // The parser is known to panic on some broken input; a statement that it cannot bear counts as not parsed.
        let read = || tree::read(text, range);
        if let Ok(facts) = catch_unwind(AssertUnwindSafe(read)) {
            facts.fill(&mut analysis);
        }
    }
    (analysis.promises, analysis.reslicings) = timescale::said(text, range, &analysis.calls);
    analysis.settings = settings::settings(text, &analysis);
    analysis.needs = needs::needs(text, range, &analysis);
    analysis.brings = needs::brings(text, range, &analysis);
    analysis
}

/// A CALL of a procedure that this file creates is known after all.
fn resolve_calls(text: &str, script: &Script, found: &mut [Analysis]) {
    let unknown = |it: &Analysis| matches!(it.class, StatementClass::Unknown { .. });
    if !found.iter().any(unknown) {
        return;
    }
    let created: Vec<_> =
        script.statements.iter().filter_map(|statement| classify::created_procedure(text, &statement.range)).collect();
    for analysis in found {
        let StatementClass::Unknown { procedure } = &analysis.class else {
            continue;
        };
        let same = created.iter().rfind(|(name, _)| name.may_be(procedure));
        match same {
            Some((_, true)) => {
                let procedure = procedure.clone();
                let commits = NonTx::CommittingCall { procedure };
                analysis.class = StatementClass::NonTransactional(commits);
            }
            Some((_, false)) => analysis.class = StatementClass::Transactional,
            None => {}
        }
    }
}
