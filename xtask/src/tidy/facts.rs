//! What the checks want to know of one Rust file.
//!
//! Code inside macro invocations is a row of tokens, not syntax: there only `.unwrap()` is looked for. Lines are counted
//! as they stand, with comments and blanks.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Item, Meta, Signature};

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// Facts of one file; line numbers count from 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Without inline test modules.
    pub(crate) own_lines: usize,
    /// Whether the file begins with `//!` documentation.
    pub(crate) documented: bool,
    pub(crate) functions: Vec<Function>,
    /// Where something is allowed.
    pub(crate) allows: Vec<usize>,
    /// Where something is expected without a reason.
    pub(crate) bare_expects: Vec<usize>,
    /// Where `.unwrap()` is called outside tests.
    pub(crate) unwraps: Vec<usize>,
    /// Items of the file other than modules in files of their own and uses.
    pub(crate) others: Vec<usize>,
}

impl Facts {
    /// Reads a file. `is_test` says that all of it is test code.
    pub(crate) fn of(text: &str, is_test: bool) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        let tests = file.items.iter().filter(|item| is_test_module(item)).map(|item| count(item.span()));
        let mut walk = Walk {
            facts: Self {
                own_lines: text.lines().count() - tests.sum::<usize>(),
                documented: file.attrs.iter().any(|attribute| attribute.path().is_ident("doc")),
                others: file.items.iter().filter(|item| !is_listing(item)).map(line).collect(),
                ..Self::default()
            },
            tests: usize::from(is_test),
        };
        walk.visit_file(&file);
        Ok(walk.facts)
    }
}

struct Walk {
    facts: Facts,
    /// How many test items enclose this place.
    tests: usize,
}

impl Walk {
    fn function(&mut self, signature: &Signature, body: &Block) {
        let line = line(signature);
        let lines = body.span().end().line - line + 1;
        self.facts.functions.push(Function { name: signature.ident.to_string(), line, lines });
    }

    fn unwraps_in(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.unwraps_in(group.stream()),
                TokenTree::Ident(name) if name == "unwrap" && self.tests == 0 => {
                    let before = index.checked_sub(1).map(|before| &tokens[before]);
                    if matches!(before, Some(TokenTree::Punct(dot)) if dot.as_char() == '.') {
                        self.facts.unwraps.push(line(name));
                    }
                }
                _ => {}
            }
        }
    }

    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let test = usize::from(attributes.iter().any(is_test));
        self.tests += test;
        visit(self);
        self.tests -= test;
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(&item.attrs, |walk| visit::visit_item_mod(walk, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        self.within(&item.attrs, |walk| visit::visit_item_fn(walk, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        self.within(&item.attrs, |walk| visit::visit_impl_item_fn(walk, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && self.tests == 0 {
            self.facts.unwraps.push(line(&call.method));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.unwraps_in(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let list = |meta: &Meta| meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        let path = attribute.path();
        if path.is_ident("allow") || path.is_ident("cfg_attr") && has_ident(list(&attribute.meta), "allow") {
            self.facts.allows.push(line(attribute));
        }
        if path.is_ident("expect") && !has_ident(list(&attribute.meta), "reason") {
            self.facts.bare_expects.push(line(attribute));
        }
    }
}

fn line(node: &impl Spanned) -> usize {
    node.span().start().line
}

fn count(span: proc_macro2::Span) -> usize {
    span.end().line - span.start().line + 1
}

fn is_listing(item: &Item) -> bool {
    matches!(item, Item::Use(_)) || matches!(item, Item::Mod(module) if module.content.is_none())
}

fn is_test_module(item: &Item) -> bool {
    matches!(item, Item::Mod(module) if module.content.is_some() && module.attrs.iter().any(is_test))
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]` and the like, but not `#[cfg(not(test))]`.
fn is_test(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    let condition = match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.clone(),
        _ => return last.is_some_and(|last| last.ident == "test"),
    };
    has_ident(condition.clone(), "test") && !has_ident(condition, "not")
}

fn has_ident(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_ident(group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file whose lines are given, and compares what was asked for.
    fn check<T: PartialEq + std::fmt::Debug>(lines: &[&str], fact: impl Fn(Facts) -> T, expected: T) {
        let facts = Facts::of(&lines.join("\n"), false).unwrap();
        assert_eq!(fact(facts), expected, "{lines:#?}");
    }

    #[test]
    fn inline_tests_are_not_own_lines() {
        let own = |facts: Facts| facts.own_lines;
        check(&["fn a() {}", "", "#[cfg(test)]", "mod tests {", "    fn b() {}", "}"], own, 2);
        check(&["fn a() {}", "#[cfg(test)]", "mod tests;"], own, 3);
        check(&["#[cfg(not(test))]", "mod real {", "}"], own, 3);
        check(&["// comment", "", "mod inline {", "}"], own, 4);
    }

    #[test]
    fn functions_count_from_the_signature_to_the_brace() {
        let functions = |facts: Facts| facts.functions.into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        let named = |name: &str, line, lines| (name.to_owned(), line, lines);
        check(&["/// Doc", "#[inline]", "fn a(", "    x: u8,", ") {", "}"], functions, vec![named("a", 3, 4)]);
        check(&["trait T {", "    fn a();", "    fn b() {", "    }", "}"], functions, vec![named("b", 3, 2)]);
        check(
            &["impl T {", "    fn a() {", "        fn b() {}", "    }", "}"],
            functions,
            vec![named("a", 2, 3), named("b", 3, 1)],
        );
    }

    #[test]
    fn unwraps_are_seen_outside_tests() {
        let unwraps = |facts: Facts| facts.unwraps;
        check(&["fn a() {", "    b().unwrap();", "}"], unwraps, vec![2]);
        check(&["fn a() {", "    println!(\"{}\", (b().unwrap()));", "}"], unwraps, vec![2]);
        check(&["fn a() {", "    b().unwrap_or(1);", "    unwrap();", "}"], unwraps, vec![]);
        check(&["#[test]", "fn a() {", "    b().unwrap();", "}"], unwraps, vec![]);
        check(&["#[tokio::test]", "async fn a() {", "    assert!(b().unwrap());", "}"], unwraps, vec![]);
        check(&["#[cfg(all(test, unix))]", "mod t {", "    fn a() { b().unwrap(); }", "}"], unwraps, vec![]);
        check(&["#[cfg(not(test))]", "mod t {", "    fn a() { b().unwrap(); }", "}"], unwraps, vec![3]);
        check(&["/// `x.unwrap()`", "fn a() {}"], unwraps, vec![]);
    }

    #[test]
    fn lint_attributes_are_seen() {
        let both = |facts: Facts| (facts.allows, facts.bare_expects);
        check(&["#![allow(dead_code)]"], both, (vec![1], vec![]));
        check(&["#[cfg_attr(test, allow(dead_code))]", "fn a() {}"], both, (vec![1], vec![]));
        check(&["#[expect(dead_code)]", "fn a() {}"], both, (vec![], vec![1]));
        check(&["#[expect(dead_code, reason = \"later\")]", "fn a() {}"], both, (vec![], vec![]));
        check(&["fn allow() { /* #[allow(x)] */ }"], both, (vec![], vec![]));
    }

    #[test]
    fn a_root_lists_modules_and_uses() {
        let others = |facts: Facts| facts.others;
        check(&["//! Doc", "mod a;", "pub use a::B;", "use c::D;"], others, vec![]);
        check(&["mod a {", "}", "const B: u8 = 1;", "fn c() {}"], others, vec![1, 3, 4]);
    }

    #[test]
    fn documentation_comes_first() {
        let documented = |facts: Facts| facts.documented;
        check(&["//! Doc", "fn a() {}"], documented, true);
        check(&["#![expect(x, reason = \"y\")]", "/// Doc", "fn a() {}"], documented, false);
    }
}
