//! Budgets for the lengths of files and functions.
//!
//! Quality shows in the tail, so the longest are limited one by one and the rest as a distribution. The distribution is
//! that of the code proper; tests, which are tables for the most part, obey the single limits only.

use crate::tidy::rust::RustFile;
use crate::tidy::{Check, Finding};

const FILE_MAX: usize = 800;
const FILE_P95: usize = 500;
const FILE_MEDIAN: usize = 150;
const FUNCTION_MAX: usize = 70;
const FUNCTION_P95: usize = 40;

/// Checks the lengths of all files together.
pub(crate) fn check(files: &[RustFile]) -> Vec<Finding> {
    let mut found: Vec<Finding> = files.iter().flat_map(singles).collect();
    let code = || files.iter().filter(|file| !file.is_test());
    let mut by_file: Vec<_> = code().map(|file| (file.facts.own_lines, file)).collect();
    by_file.sort_by_key(|(lines, _)| *lines);
    for (name, percent, limit) in [("median", 50, FILE_MEDIAN), ("95th percentile", 95, FILE_P95)] {
        if let Some((lines, file)) = percentile(&by_file, percent).filter(|(lines, _)| *lines > limit) {
            let what = format!("the {name} of file lengths is {lines} lines, over {limit}");
            let hint = "split files that are longer than this one";
            found.push(Finding::new(Check::Distribution, &file.path, 1, what, hint));
        }
    }
    let functions = code().flat_map(|file| file.facts.functions.iter().map(move |function| (file, function)));
    let mut by_function: Vec<_> = functions.collect();
    by_function.sort_by_key(|(_, function)| function.lines);
    if let Some((file, function)) = percentile(&by_function, 95).filter(|(_, f)| f.lines > FUNCTION_P95) {
        let what = format!("the 95th percentile of function lengths is {} lines, over {FUNCTION_P95}", function.lines);
        let hint = "split functions that are longer than this one";
        found.push(Finding::new(Check::Distribution, &file.path, function.line, what, hint));
    }
    found
}

fn singles(file: &RustFile) -> Vec<Finding> {
    let lines = file.facts.own_lines;
    let mut found = Vec::new();
    if lines > FILE_MAX {
        let what = format!("the file has {lines} lines, over {FILE_MAX}");
        let finding = Finding::new(Check::FileLength, &file.path, 1, what, "split it by what its parts do");
        found.push(Finding { measure: Some(lines), ..finding });
    }
    for function in file.facts.functions.iter().filter(|function| function.lines > FUNCTION_MAX) {
        let (name, lines) = (function.name.clone(), function.lines);
        let what = format!("`{name}` has {lines} lines, over {FUNCTION_MAX}");
        let hint = "name its steps, or put its cases into a table";
        let finding = Finding::new(Check::FunctionLength, &file.path, function.line, what, hint);
        found.push(Finding { item: Some(name), measure: Some(lines), ..finding });
    }
    found
}

/// The value that so many percent of a sorted list do not exceed.
fn percentile<T>(sorted: &[T], percent: usize) -> Option<&T> {
    (sorted.len() * percent).div_ceil(100).checked_sub(1).map(|index| &sorted[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, functions: &[usize], lines: usize) -> RustFile {
        let mut text = String::from("//! Doc\n");
        for (index, &length) in functions.iter().enumerate() {
            text += &format!("fn f{index}() {{{}}}\n", "\n".repeat(length - 1));
        }
        text += &"\n".repeat(lines.saturating_sub(text.lines().count()));
        RustFile::check(path, &text)
    }

    /// Checks files, and compares the places and measures of the findings.
    fn check(files: &[RustFile], expected: &[(&str, Option<&str>, usize)]) {
        let found = super::check(files);
        let found: Vec<_> =
            found.iter().map(|f| (f.path.as_str(), f.item.as_deref(), f.measure.unwrap_or_default())).collect();
        assert_eq!(found, expected);
    }

    fn short(count: usize) -> Vec<RustFile> {
        (0..count).map(|_| file("crates/a/src/short.rs", &[1; 30], 100)).collect()
    }

    #[test]
    fn the_longest_are_limited_one_by_one() {
        let with = |long: RustFile| short(30).into_iter().chain([long]).collect::<Vec<_>>();
        check(&with(file("crates/a/src/b.rs", &[70], 800)), &[]);
        check(
            &with(file("crates/a/src/b.rs", &[71], 801)),
            &[("crates/a/src/b.rs", None, 801), ("crates/a/src/b.rs", Some("f0"), 71)],
        );
        check(
            &with(file("tests/src/b.rs", &[71], 801)),
            &[("tests/src/b.rs", None, 801), ("tests/src/b.rs", Some("f0"), 71)],
        );
    }

    #[test]
    fn the_rest_is_limited_as_a_distribution() {
        check(&[file("crates/a/src/b.rs", &[40], 150)], &[]);
        check(&[file("tests/src/b.rs", &[60], 700)], &[]);
        check(&[file("crates/a/src/b.rs", &[40], 151)], &[("crates/a/src/b.rs", None, 0)]);
        check(&[file("crates/a/src/b.rs", &[41], 150)], &[("crates/a/src/b.rs", None, 0)]);
        let with = |count| short(count).into_iter().chain([file("crates/a/src/b.rs", &[1], 501)]).collect::<Vec<_>>();
        check(&with(18), &[("crates/a/src/b.rs", None, 0)]);
        check(&with(19), &[]);
    }

    #[test]
    fn percentiles_of_a_list() {
        let list: Vec<usize> = (1..=20).collect();
        assert_eq!(percentile(&list, 50), Some(&10));
        assert_eq!(percentile(&list, 95), Some(&19));
        assert_eq!(percentile(&[7], 95), Some(&7));
        assert_eq!(percentile::<u8>(&[], 50), None);
    }
}
