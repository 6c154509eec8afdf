//! Which tables have rows, as far as the statements before say so: `create_hypertable` refuses those.

use std::ops::Range;

use crate::analysis::{Analysis, ObjectAction, ObjectKind};
use crate::lexer::Lexer;
use crate::name::{QualifiedName, Words};

/// A table whose rows a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: QualifiedName,
    /// Whether it has rows behind the statement, or none.
    pub any: bool,
}

/// The tables that have rows once some statements have run, but for hypertables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    tables: Vec<QualifiedName>,
    hypertables: Vec<QualifiedName>,
}

impl Filled {
    /// One statement more.
    pub fn follow(&mut self, analysis: &Analysis) {
        let dropped = analysis.objects.iter().filter(|object| {
            object.action == ObjectAction::Drop && matches!(object.kind, ObjectKind::Table | ObjectKind::Relation)
        });
        for object in dropped {
            self.tables.retain(|name| !name.may_be(&object.name));
            self.hypertables.retain(|name| !name.may_be(&object.name));
        }
        for made in analysis.hypertables() {
            self.tables.retain(|name| !name.may_be(&made.name));
            self.hypertables.push(made.name);
        }
        let Some(Rows { table, any }) = &analysis.rows else { return };
        if !any {
            self.tables.retain(|name| !name.may_be(table));
        } else if !self.hypertables.iter().any(|name| name.may_be(table)) {
            self.tables.push(table.clone());
        }
    }

    /// Whether `table` has rows by now, and is no hypertable.
    #[must_use]
    pub fn has(&self, table: &QualifiedName) -> bool {
        self.tables.iter().any(|name| name.may_be(table))
    }
}

/// The table that the statement at `range` puts rows into, or leaves empty.
pub(crate) fn rows(text: &str, range: &Range<usize>) -> Option<Rows> {
    let head: Vec<_> = Lexer::within(text, range).significant().take(64).collect();
    let mut words = Words::new(&head);
    if words.eat("insert into") {
        return Some(Rows { table: words.name()?, any: true });
    }
    if words.eat("truncate") {
        words.eat("table");
        words.eat("only");
        return Some(Rows { table: words.name()?, any: false });
    }
    if words.eat("copy") {
        let table = words.name()?;
        words.group();
        return words.eat("from").then_some(Rows { table, any: true });
    }
    words.eat("create").then_some(())?;
    words.eat("unlogged");
    words.eat("table").then_some(())?;
    let is_lenient = words.eat("if not exists");
    let table = words.name()?;
    words.group();
    if words.eat("as") {
        let is_empty = ends_with_no_data(text, range);
        return Some(Rows { table, any: !is_empty });
    }
    // It may be there, and have rows.
    (!is_lenient).then_some(Rows { table, any: false })
}

fn ends_with_no_data(text: &str, range: &Range<usize>) -> bool {
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let at = tokens.len().saturating_sub(3);
    Words::new(&tokens[at..]).eat("with no data")
}
