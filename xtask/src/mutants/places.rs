//! Where in a file a mutant's switch goes.
//!
//! cargo-mutants names the characters that it replaces, often just an operator. A switch needs more around them: the whole
//! expression, the body of the function, the pattern of the arm.

use std::collections::HashMap;
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

use crate::mutants::list::{Genre, Mutant, Position};

/// Where the switch of a mutant goes; all in bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the first statement of a body: the replacement is returned.
    Body(usize),
    /// Around this body, which returns an iterator of a type that has no name.
    Iterator(Range<usize>),
    /// Around this expression, in which the second range is replaced.
    Expression(Range<usize>, Range<usize>),
    /// Behind the pattern of an arm that has no guard: the arm is passed by.
    Arm(usize),
    /// Nowhere: the compiler would refuse it.
    Unviable,
    /// Nowhere: only the compiler runs what is there, or its type has no name.
    Unswitchable,
}

/// The syntax of one file, as far as switches want to know it.
pub(crate) struct Places {
    /// Where each line begins.
    lines: Vec<usize>,
    /// Expressions by what may be replaced in them.
    expressions: HashMap<Range<usize>, Range<usize>>,
    /// Where arms are passed by.
    arms: HashMap<Range<usize>, Place>,
    /// What is evaluated by the compiler.
    constant: Vec<Range<usize>>,
    /// Conditions that bind names.
    binding: Vec<Range<usize>>,
}

impl Places {
    pub(crate) fn of(text: &str) -> syn::Result<Self> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let (expressions, arms) = (HashMap::new(), HashMap::new());
        let mut this = Self { lines, expressions, arms, constant: Vec::new(), binding: Vec::new() };
        this.visit_file(&syn::parse_file(text)?);
        Ok(this)
    }

    /// Where the switch of this mutant of the same text goes.
    pub(crate) fn of_mutant(&self, text: &str, mutant: &Mutant) -> Place {
        let span = self.offset(text, mutant.span.start)..self.offset(text, mutant.span.end);
        if self.constant.iter().any(|range| range.start <= span.start && span.end <= range.end) {
            return Place::Unswitchable;
        }
        if mutant.genre == Genre::FnValue {
            let returned = mutant.function.as_ref().map_or("", |function| &function.return_type);
            // Elsewhere, one `return` more would be of another type than the one that is meant.
            return match returned.strip_prefix("-> impl ") {
                Some(iterator) if iterator.starts_with("Iterator<") => Place::Iterator(span),
                _ if returned.contains("impl ") => Place::Unswitchable,
                _ => Place::Body(span.start),
            };
        }
        if let Some(place) = self.arms.get(&span) {
            return place.clone();
        }
        match self.expressions.get(&span) {
            Some(whole) if self.binding.contains(whole) => Place::Unviable,
            Some(whole) => Place::Expression(whole.clone(), span),
            None => Place::Unswitchable,
        }
    }

    fn offset(&self, text: &str, position: Position) -> usize {
        let start = self.lines[position.line - 1];
        let column = text[start..].char_indices().nth(position.column - 1);
        column.map_or(text.len(), |(column, _)| start + column)
    }

    fn add(&mut self, whole: &impl Spanned, replaced: &impl Spanned) {
        self.expressions.insert(replaced.span().byte_range(), whole.span().byte_range());
    }
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, expression: &'ast syn::ExprBinary) {
        self.add(expression, &expression.op);
        let is_binding = binds(&expression.left) || binds(&expression.right);
        self.binding.extend(is_binding.then(|| expression.span().byte_range()));
        visit::visit_expr_binary(self, expression);
    }

    fn visit_expr_unary(&mut self, expression: &'ast syn::ExprUnary) {
        self.add(expression, &expression.op);
        visit::visit_expr_unary(self, expression);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        for field in expression.fields.pairs() {
            let name = field.value().span().byte_range();
            let comma = field.punct().map_or(name.end, |comma| comma.span().byte_range().end);
            self.expressions.insert(name.start..comma, expression.span().byte_range());
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        let catches_all = |arm: &syn::Arm| arm.guard.is_none() && matches!(arm.pat, syn::Pat::Wild(_));
        let is_caught = expression.arms.iter().any(catches_all);
        for arm in &expression.arms {
            if let Some((_, guard)) = &arm.guard {
                self.add(guard, guard);
                self.binding.extend(binds(guard).then(|| guard.span().byte_range()));
            } else {
                let place = if is_caught { Place::Arm(arm.pat.span().byte_range().end) } else { Place::Unviable };
                self.arms.insert(arm.span().byte_range(), place);
            }
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant.push(item.span().byte_range());
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant.push(item.span().byte_range());
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant.push(item.span().byte_range());
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.constant.extend(item.sig.constness.map(|_| item.span().byte_range()));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.constant.extend(item.sig.constness.map(|_| item.span().byte_range()));
        visit::visit_impl_item_fn(self, item);
    }
}

/// Whether a condition is, or links with `&&`, a `let`.
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(and) if matches!(and.op, BinOp::And(_)) => binds(&and.left) || binds(&and.right),
        _ => false,
    }
}
