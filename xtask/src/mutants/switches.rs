//! A file with all its mutants in it, each behind a switch.
//!
//! An expression becomes `(if on(1) { mutant } else { expression })`, with the switches of what is inside it in the last branch
//! alone. In one thing a mutant differs from that of cargo-mutants: an operator keeps its operands, also where the text
//! alone would now bind them otherwise.

use std::cmp::Reverse;
use std::fmt::Write;
use std::ops::Range;

use crate::mutants::places::Place;

/// Behind what path the copy finds the switches.
const ON: &str = "crate::mutant_switch::on";

/// One mutant of a file.
pub(crate) struct Switch<'m> {
    pub(crate) number: usize,
    pub(crate) place: Place,
    pub(crate) replacement: &'m str,
}

/// A file with switches, and what of it is due to which mutants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Switched {
    pub(crate) text: String,
    /// What only one mutant runs.
    own: Vec<(usize, Range<usize>)>,
    /// Expressions of which several mutants are branches.
    shared: Vec<(Vec<usize>, Range<usize>)>,
}

/// All mutants of one place.
struct Site<'m> {
    range: Range<usize>,
    switches: Vec<&'m Switch<'m>>,
}

impl Switched {
    /// Writes the switches into a file.
    pub(crate) fn new(text: &str, switches: &[Switch]) -> Self {
        let mut sites: Vec<Site> = Vec::new();
        for switch in switches {
            let range = match &switch.place {
                Place::Body(at) | Place::Arm(at) => *at..*at,
                Place::Expression(whole, _) | Place::Iterator(whole) => whole.clone(),
                Place::Unviable | Place::Unswitchable => continue,
            };
            match sites.iter_mut().find(|site| site.range == range) {
                Some(site) => site.switches.push(switch),
                None => sites.push(Site { range, switches: vec![switch] }),
            }
        }
        // What is outside comes before what is inside; what is put at a point before what begins there.
        sites.sort_by_key(|site| (site.range.start, !site.range.is_empty(), Reverse(site.range.end)));
        let mut this = Self::default();
        this.write(text, 0..text.len(), &sites);
        this
    }

    /// The mutant that alone runs these bytes of the text.
    pub(crate) fn of_one(&self, bytes: &Range<usize>) -> Option<usize> {
        self.own.iter().find(|(_, range)| is_inside(bytes, range)).map(|(number, _)| *number)
    }

    /// The mutants that are branches of one expression with these bytes, the innermost.
    pub(crate) fn of_several(&self, bytes: &Range<usize>) -> Option<Vec<usize>> {
        let shared = self.shared.iter().filter(|(_, range)| is_inside(bytes, range));
        shared.min_by_key(|(_, range)| range.len()).map(|(numbers, _)| numbers.clone())
    }

    fn write(&mut self, text: &str, range: Range<usize>, mut sites: &[Site]) {
        let mut at = range.start;
        while let [site, rest @ ..] = sites {
            let inside = rest.iter().take_while(|inner| inner.range.start < site.range.end).count();
            let (inside, behind) = rest.split_at(inside);
            self.text += &text[at..site.range.start];
            let start = self.text.len();
            if let [Switch { place: Place::Iterator(_), .. }, ..] = site.switches[..] {
                self.text += "let original = (move || { ";
                self.write(text, site.range.clone(), inside);
                self.text += " })(); ";
                let suspects = self.iterators(&site.switches);
                // What is wrong with an item is said where the function promises its type.
                let signature = self.text[..start].rfind("fn ").unwrap_or(start);
                self.shared.push((suspects, signature..self.text.len()));
            } else {
                for (index, switch) in site.switches.iter().enumerate() {
                    self.branch(text, switch, index == 0);
                }
                if !site.range.is_empty() {
                    self.text += "{ ";
                    self.write(text, site.range.clone(), inside);
                    self.text += " })";
                    let numbers = site.switches.iter().map(|switch| switch.number).collect();
                    self.shared.push((numbers, start..self.text.len()));
                }
            }
            at = site.range.end;
            sites = behind;
        }
        self.text += &text[at..range.end];
    }

    /// The `original`, with what is before it and without what is not there, as each mutant wants it; returns those that may
    /// be of another type.
    fn iterators(&mut self, switches: &[&Switch]) -> Vec<usize> {
        let once = |switch: &Switch| {
            let item = switch.replacement.strip_prefix("::std::iter::once(")?.strip_suffix(')')?.to_owned();
            Some((switch.number, item))
        };
        let before: Vec<_> = switches.iter().filter_map(|switch| once(switch)).collect();
        for (number, item) in &before {
            let start = self.text.len();
            self.text += &format!("{ON}({number}).then(|| {item}).into_iter().chain(");
            self.own.push((*number, start..self.text.len()));
        }
        let none: String = switches.iter().map(|switch| format!(" && !{ON}({})", switch.number)).collect();
        self.text += &format!("original.filter(move |_| true{none}){}", ")".repeat(before.len()));
        let suspects: Vec<usize> = before.iter().map(|(number, _)| *number).collect();
        if suspects.is_empty() { switches.iter().map(|switch| switch.number).collect() } else { suspects }
    }

    fn branch(&mut self, text: &str, switch: &Switch, is_first: bool) {
        let Switch { number, place, replacement } = switch;
        let start = self.text.len();
        let written = match place {
            Place::Body(_) => write!(self.text, "if {ON}({number}) {{ return {replacement}; }} "),
            Place::Arm(_) => write!(self.text, " if !{ON}({number})"),
            Place::Expression(whole, replaced) => {
                let (before, after) = (&text[whole.start..replaced.start], &text[replaced.end..whole.end]);
                let open = if is_first { "(" } else { "" };
                write!(self.text, "{open}if {ON}({number}) {{ {before}{replacement}{after} }} else ")
            }
            Place::Iterator(_) | Place::Unviable | Place::Unswitchable => Ok(()),
        };
        written.expect("a text takes what is written");
        self.own.push((*number, start..self.text.len()));
    }
}

fn is_inside(bytes: &Range<usize>, range: &Range<usize>) -> bool {
    range.start <= bytes.start && bytes.end <= range.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::list::{Function, Genre, Mutant, Position, Span};
    use crate::mutants::places::Places;

    /// The text as if cargo-mutants had found these mutants: what is replaced, at its first occurrence, and by what.
    fn switched(text: &str, mutants: &[(Genre, &str, &'static str)]) -> Switched {
        let places = Places::of(text).unwrap();
        let switch = |(number, &(genre, replaced, replacement)): (usize, &(Genre, &str, &'static str))| {
            let at = text.find(replaced).unwrap();
            let span = Span { start: position(&text[..at]), end: position(&text[..at + replaced.len()]) };
            let (name, package, file) = (String::new(), String::new(), String::new());
            let return_type = text[..at].rsplit(") ").next().unwrap().replace(" {", "").trim().to_owned();
            let function = Some(Function { return_type });
            let mutant = Mutant { name, package, file, function, span, replacement: String::new(), genre };
            Switch { number, place: places.of_mutant(text, &mutant), replacement }
        };
        Switched::new(text, &mutants.iter().enumerate().map(switch).collect::<Vec<_>>())
    }

    fn position(before: &str) -> Position {
        let line = before.rsplit('\n').next().unwrap();
        Position { line: before.split('\n').count(), column: line.chars().count() + 1 }
    }

    fn check(text: &str, mutants: &[(Genre, &str, &'static str)], expected: &str) {
        let text = switched(text, mutants).text.replace(ON, "on");
        assert_eq!(text, expected);
    }

    #[test]
    fn an_expression_gets_a_branch_for_each_mutant() {
        check(
            "fn f() -> bool {\n    \"ä\" == g(1 + 2)\n}",
            &[
                (Genre::BinaryOperator, "==", "!="),
                (Genre::BinaryOperator, "+", "-"),
                (Genre::BinaryOperator, "+", "*"),
            ],
            "fn f() -> bool {\n    (if on(0) { \"ä\" != g(1 + 2) } else { \"ä\" == \
             g((if on(1) { 1 - 2 } else if on(2) { 1 * 2 } else { 1 + 2 })) })\n}",
        );
        check(
            "fn f() { let s = S { a: !b, ..c }; }",
            &[(Genre::StructField, "a: !b,", ""), (Genre::UnaryOperator, "!", "")],
            "fn f() { let s = (if on(0) { S {  ..c } } else { S { a: (if on(1) { b } else { !b }), ..c } }); }",
        );
    }

    #[test]
    fn a_body_returns_and_an_arm_is_passed_by() {
        check(
            "fn f() -> u8 { /* why */ g() }",
            &[(Genre::FnValue, "g()", "0"), (Genre::FnValue, "g()", "1")],
            "fn f() -> u8 { /* why */ if on(0) { return 0; } if on(1) { return 1; } g() }",
        );
        check(
            "fn f() { match a { 1 => b, c if d => e, _ => g } }",
            &[
                (Genre::MatchArm, "1 => b,", ""),
                (Genre::MatchArmGuard, "d", "true"),
                (Genre::MatchArmGuard, "d", "false"),
            ],
            "fn f() { match a { 1 if !on(0) => b, c if (if on(1) { true } else if on(2) { false } else { d }) => e, _ => g } }",
        );
    }

    #[test]
    fn an_iterator_has_more_or_nothing() {
        check(
            "fn f() -> impl Iterator<Item = u8> { g(!a) }",
            &[
                (Genre::FnValue, "g(!a)", "::std::iter::empty()"),
                (Genre::FnValue, "g(!a)", "::std::iter::once(1)"),
                (Genre::UnaryOperator, "!", ""),
            ],
            "fn f() -> impl Iterator<Item = u8> { let original = (move || { g((if on(2) { a } else { !a })) })(); \
             on(1).then(|| 1).into_iter().chain(original.filter(move |_| true && !on(0) && !on(1))) }",
        );
        let text = "fn f() -> impl Iterator<Item = u8> { g() }";
        let of_signature = |replacement| {
            let empty = (Genre::FnValue, "g()", "::std::iter::empty()");
            switched(text, &[empty, (Genre::FnValue, "g()", replacement)]).of_several(&(10..34))
        };
        assert_eq!(of_signature("::std::iter::once(1)"), Some(vec![1]));
        assert_eq!(of_signature("::std::iter::empty()"), Some(vec![0, 1]));

        check("fn f() -> impl Display { g() }", &[(Genre::FnValue, "g()", "h")], "fn f() -> impl Display { g() }");
    }

    #[test]
    fn what_no_switch_can_be_around_stays() {
        let plus = (Genre::BinaryOperator, "+", "-");
        for text in ["const A: u8 = 1 + 2;", "const fn f() -> u8 { 1 + 2 }", "static A: u8 = { 1 + 2 };"] {
            check(text, &[plus], text);
        }
        let chain = "fn f() { if a && let b = c {} }";
        check(chain, &[(Genre::BinaryOperator, "&&", "||")], chain);
        let guarded = "fn f() { match a { 1 => b, _ if c => d, e => g } }";
        check(guarded, &[(Genre::MatchArm, "1 => b,", "")], guarded);
    }

    #[test]
    fn a_mistake_is_due_to_the_mutant_that_has_the_place() {
        let switched = switched(
            "fn f() { (a + b) == c }",
            &[
                (Genre::FnValue, "(a + b) == c", "d"),
                (Genre::BinaryOperator, "==", "!="),
                (Genre::BinaryOperator, "+", "-"),
            ],
        );
        let place = |needle: &str| {
            let at = switched.text.find(needle).unwrap();
            at..at + needle.len()
        };
        let due = |needle| (switched.of_one(&place(needle)), switched.of_several(&place(needle)));
        assert_eq!(due("return d"), (Some(0), None));
        assert_eq!(due("!= c"), (Some(1), Some(vec![1])));
        assert_eq!(due("a - b"), (Some(2), Some(vec![2])));
        assert_eq!(due("{ a + b }"), (None, Some(vec![2])));
        assert_eq!(due("fn f"), (None, None));
    }
}
