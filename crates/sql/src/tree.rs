//! Facts from squawk's syntax tree of one statement, and of the body of a DO.
//!
//! Bodies of functions and procedures are left alone: what they name is looked up when they run. Errors in PL/pgSQL are
//! not reported, because the parser does not know its `INTO`; a DO with any is taken for the strongest lock.

use std::ops::Range;

use rowan::TextRange;
use squawk_lexer::TokenKind;
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::syntax_error::SyntaxError;
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use crate::analysis::{Analysis, ColumnChange, ObjectRef, SyntaxIssue, TimescaleOption};
use crate::call::Call;
use crate::lexer::Lexer;
use crate::lock::{self, LockLevel};
use crate::names;
use crate::phase::{self, Phase};

/// What a statement's tree tells.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) objects: Vec<ObjectRef>,
    pub(crate) calls: Vec<Call>,
    pub(crate) changes: Vec<ColumnChange>,
    pub(crate) timescale_options: Vec<TimescaleOption>,
    lock: Option<LockLevel>,
    phase: Option<Phase>,
    errors: Vec<SyntaxIssue>,
}

/// From a range in a tree to the range in the file.
pub(crate) type Place<'a> = &'a dyn Fn(TextRange) -> Range<usize>;

impl Facts {
    pub(crate) fn fill(self, analysis: &mut Analysis) {
        analysis.parsed = self.errors.is_empty();
        if let Some(lock) = self.lock.filter(|_| analysis.parsed) {
            analysis.lock = lock;
        }
        analysis.objects = self.objects;
        analysis.calls = self.calls;
        analysis.changes = self.changes;
        analysis.phase = self.phase;
        analysis.timescale_options = self.timescale_options;
        analysis.syntax_errors = self.errors;
    }

    fn statement(&mut self, node: &SyntaxNode) {
        self.lock = self.lock.max(Some(lock::level(node)));
        self.phase = self.phase.max(phase::of(node));
    }

    fn names(&mut self, root: &SyntaxNode, place: Place<'_>) {
        names::collect(root, place, self);
        let locking = |call: &Call| lock::call_locks(&call.name.name);
        if self.calls.iter().any(locking) {
            self.lock = Some(LockLevel::AccessExclusive);
            self.phase = self.phase.max(Some(Phase::Expand));
        }
    }
}

/// An error with its place; where the parser only gives a point, the token that stands there.
fn issue(text: &str, range: &Range<usize>, error: &SyntaxError) -> SyntaxIssue {
    let inner = Range::<usize>::from(error.range());
    let (start, end) = (range.start + inner.start, range.start + inner.end);
    let mut behind = Lexer::within(text, &(start..range.end)).significant();
    let token = behind.next().filter(|_| start == end);
    SyntaxIssue { message: error.message().replace("_KW", ""), range: token.map_or(start..end, |token| token.range) }
}

/// Parses the statement at `range` of `text`.
pub(crate) fn read(text: &str, range: &Range<usize>) -> Facts {
    let parse = SourceFile::parse(&without_variables(&text[range.clone()]));
    let place = |inner: TextRange| {
        let inner = Range::<usize>::from(inner);
        range.start + inner.start..range.start + inner.end
    };
    let mut facts = Facts::default();
    for statement in parse.tree().stmts() {
        match &statement {
            ast::Stmt::Do(block) => body(block, &place, &mut facts),
            _ => facts.statement(statement.syntax()),
        }
    }
    facts.names(&parse.syntax_node(), &place);
    let errors = parse.errors();
    facts.errors = errors.iter().map(|error| issue(text, range, error)).collect();
    facts
}

/// Looks into the body of a DO for what it does.
fn body(block: &ast::Do, place: Place<'_>, facts: &mut Facts) {
    let Some(body) = block.plpgsql() else {
        facts.lock = Some(LockLevel::AccessExclusive);
        return;
    };
    let known = body.errors().is_empty();
    let tree = body.syntax();
    facts.lock = facts.lock.max(Some(LockLevel::None));
    for node in tree.descendants() {
        if is_statement(&node) && !node.ancestors().skip(1).any(|it| is_statement(&it)) {
            facts.statement(&node);
        }
    }
    if !known || lock::contains(&tree, SyntaxKind::PLPGSQL_DYN_EXECUTE_STMT) {
        facts.lock = Some(LockLevel::AccessExclusive);
    }
    facts.names(&tree, &|inner| place(body.source_range(inner)));
}

/// Is this the node of an SQL statement?
pub(crate) fn is_statement(node: &SyntaxNode) -> bool {
    ast::Stmt::cast(node.clone()).is_some()
}

/// The statement with the colons of psql variables (`:'x'`, `:"x"`, `:x`) blanked, since no parser knows them.
fn without_variables(statement: &str) -> String {
    let mut masked = statement.to_owned();
    let mut attached_to = None;
    let mut tokens = Lexer::new(statement).peekable();
    while let Some(token) = tokens.next() {
        let alone = attached_to != Some(token.range.start);
        let next = tokens.peek();
        let quoted = next.is_some_and(|it| it.text.starts_with(['\'', '"']));
        let word = next.is_some_and(|it| it.kind == TokenKind::Ident);
        if token.kind == TokenKind::Colon && alone && (quoted || word) {
            masked.replace_range(token.range.clone(), " ");
        }
        let separates =
            matches!(token.kind, TokenKind::Whitespace | TokenKind::OpenParen | TokenKind::Comma | TokenKind::Eq);
        attached_to = (!separates).then_some(token.range.end);
    }
    masked
}
