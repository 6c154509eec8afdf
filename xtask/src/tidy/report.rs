//! Reads the repository, runs all checks over it, and tells what they found.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use fs_err as fs;
use ignore::WalkBuilder;

use crate::docs;
use crate::tidy::rust::RustFile;
use crate::tidy::{Finding, edges, exceptions, lengths, text};

/// Checks sources and generated documentation; one is told even where the other cannot be.
pub(crate) fn run(root: &Path) -> Result<()> {
    match (sources(root), docs::check(root)) {
        (Err(sources), Err(docs)) => bail!("{sources:#}; {docs:#}"),
        (sources, docs) => sources.and(docs),
    }
}

/// Checks sources only.
pub(crate) fn sources(root: &Path) -> Result<()> {
    tell(source_findings(root)?)
}

/// Prints the findings, by place; an error if there are any.
pub(crate) fn tell(mut findings: Vec<Finding>) -> Result<()> {
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(())
}

fn source_findings(root: &Path) -> Result<Vec<Finding>> {
    let texts = texts(root)?;
    let of = |ending: &'static str| texts.iter().filter(move |(path, _)| path.ends_with(ending));
    let rust: Vec<RustFile> = of(".rs").map(|(path, text)| RustFile::check(path, text)).collect();
    let manifests: Vec<_> = of("/Cargo.toml").cloned().collect();
    let mut findings = lengths::check(&rust);
    findings.extend(rust.into_iter().flat_map(|file| file.findings));
    findings.extend(edges::check(&manifests));
    findings.extend(texts.iter().flat_map(|(path, text)| text::check(path, text)));
    let exceptions = texts.iter().find(|(path, _)| path == exceptions::PATH);
    Ok(exceptions::apply(exceptions.map_or("", |(_, text)| text), findings))
}

/// All text files that belong to the repository, with their paths from its root. Git is not asked, for a source archive
/// has none; what `.gitignore` names is left out.
fn texts(root: &Path) -> Result<Vec<(String, String)>> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).parents(false).git_global(false).git_exclude(false).require_git(false);
    walk.filter_entry(|entry| entry.file_name() != ".git").sort_by_file_path(Path::cmp);
    let mut texts = Vec::new();
    for entry in walk.build() {
        let entry = entry?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path().strip_prefix(root)?.display().to_string();
        if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
            texts.push((path, text));
        }
    }
    Ok(texts)
}
