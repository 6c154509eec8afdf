//! The copy of the repository that has the switches.
//!
//! Files are only written where they differ, so that Cargo builds again what changed and nothing else. A process learns
//! which mutant it is from a file beside its program: tests start programs with no environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use ignore::WalkBuilder;

/// What each crate with mutants gets as its module `mutant_switch`; `COUNT` stands for the number of mutants.
const SWITCH: &str = r#"//! Which mutant this process is: a number in the file `mutant`, beside the program or above it. If it is a path, then the
//! numbers of all that are reached are written there.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ORDER: LazyLock<String> = LazyLock::new(|| {
    let program = std::env::current_exe().unwrap_or_default();
    let mut orders = program.ancestors().skip(1).take(2).map(|directory| directory.join("mutant"));
    orders.find_map(|order| fs::read_to_string(order).ok()).unwrap_or_default()
});
static CHOSEN: LazyLock<usize> = LazyLock::new(|| ORDER.parse().unwrap_or(usize::MAX));
static RECORD: LazyLock<Option<File>> = LazyLock::new(|| OpenOptions::new().append(true).open(&*ORDER).ok());
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

pub(crate) fn on(number: usize) -> bool {
    if let Some(mut record) = RECORD.as_ref() && !REACHED[number].swap(true, Ordering::Relaxed) {
        let _ = record.write_all(format!("{number}\n").as_bytes());
    }
    *CHOSEN == number
}
"#;

/// Writes the copy: all files of the repository, but what is given for some, below `root`.
pub(crate) fn write(root: &Path, copy: &Path, changed: &BTreeMap<PathBuf, String>) -> Result<()> {
    let files = files(root);
    for file in &files {
        if !changed.contains_key(file) {
            put(&copy.join(file), &fs::read(root.join(file))?)?;
        }
    }
    for (file, text) in changed {
        put(&copy.join(file), text.as_bytes())?;
    }
    for file in self::files(copy) {
        if !files.contains(&file) && !changed.contains_key(&file) {
            fs::remove_file(copy.join(file))?;
        }
    }
    Ok(())
}

/// What a package with mutants gets besides: the module that knows which one is meant.
pub(crate) fn switch(root: &Path, package: &Path, count: usize) -> Result<[(PathBuf, String); 2]> {
    let lib = package.join("src/lib.rs");
    let text = fs::read_to_string(root.join(&lib))?;
    let module = SWITCH.replace("COUNT", &count.to_string());
    Ok([(lib, format!("{text}\nmod mutant_switch;\n")), (package.join("src/mutant_switch.rs"), module)])
}

/// The files below a directory that git would not ignore.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).parents(false).require_git(false).filter_entry(|entry| entry.file_name() != ".git");
    let files =
        walk.build().filter_map(Result::ok).filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files.filter_map(|entry| Some(entry.path().strip_prefix(root).ok()?.to_owned())).collect()
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("a file is in a directory")?)?;
    Ok(fs::write(path, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_written_where_it_differs() {
        let dir = tempfile::tempdir().unwrap();
        let (root, copy) = (dir.path().join("root"), dir.path().join("copy"));
        let texts = [("a/src/lib.rs", "//! A\n"), ("b.rs", "b"), (".gitignore", "target"), ("target/c", "c")];
        for (path, text) in texts {
            put(&root.join(path), text.as_bytes()).unwrap();
        }
        let changed = switch(&root, Path::new("a"), 3).unwrap().into_iter().collect();
        write(&root, &copy, &changed).unwrap();
        let read = |path: &str| fs::read_to_string(copy.join(path)).unwrap();
        assert_eq!(read("a/src/lib.rs"), "//! A\n\nmod mutant_switch;\n");
        assert!(read("a/src/mutant_switch.rs").contains("[AtomicBool; 3]"));
        assert_eq!(read("b.rs"), "b");
        assert!(!copy.join("target").exists());

        let modified = || fs::metadata(copy.join("b.rs")).unwrap().modified().unwrap();
        let before = modified();
        write(&root, &copy, &BTreeMap::new()).unwrap();
        assert_eq!(modified(), before);
        assert_eq!(read("a/src/lib.rs"), "//! A\n");
        assert!(!copy.join("a/src/mutant_switch.rs").exists());
    }
}
