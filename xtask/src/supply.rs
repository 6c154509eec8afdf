//! What Dunlin is built upon: licences, packages that are banned, and where packages come from.
//!
//! The rules are those of `deny.toml`, in the form that cargo-deny reads. To install cargo-deny takes longer than all other
//! checks together, so what needs no network is checked here, from what Cargo knows; advisories are left to whoever has it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;

use crate::shell;

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    registries: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for the packages of this repository.
    source: Option<String>,
}

/// Checks every package of the lock file.
pub(crate) fn check(root: &Path) -> Result<()> {
    let rules: Rules = toml::from_str(&fs::read_to_string(root.join("deny.toml"))?).context("deny.toml")?;
    let mut metadata = shell::cargo(root, "metadata --format-version 1 --locked --quiet");
    let output = metadata.output().context("Cargo cannot be run")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let Metadata { packages } = serde_json::from_slice(&output.stdout)?;
    let wrong: Vec<_> = packages.iter().flat_map(|package| rules.judge(package)).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    let twice = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let twice: Vec<_> = twice.map(|(name, versions)| format!("{name} {}", versions.join(" and "))).collect();
    println!("{} packages; more than once: {}", packages.len(), twice.join(", "));
    Ok(())
}

impl Rules {
    fn judge(&self, package: &Package) -> Vec<String> {
        let Package { name, version, license, source: Some(source) } = package else { return Vec::new() };
        let mut wrong = Vec::new();
        if let Some(banned) = self.bans.deny.iter().find(|banned| banned.name == *name) {
            wrong.push(format!("`{name}` is banned: {}", banned.reason));
        }
        let registry = source.strip_prefix("registry+");
        if !registry.is_some_and(|registry| self.sources.registries.iter().any(|it| it == registry)) {
            wrong.push(format!("`{name}` {version} does not come from a registry that is allowed"));
        }
        let license = license.as_deref().unwrap_or_default();
        if !is_met(license, &self.licenses.allow) {
            wrong.push(format!("`{name}` {version} is under `{license}`, which is not allowed"));
        }
        wrong
    }
}

/// Can an SPDX expression be met with the allowed licences? AND binds closer than OR; a slash is an old way to say OR.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let Some(word) = words.next() else { return false };
    if word == "(" {
        return any(words, allowed) & (words.next() == Some(")"));
    }
    let mut name = word.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name += &format!(" WITH {}", words.next().unwrap_or_default());
    }
    allowed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_met_or_not() {
        let allowed = ["MIT", "ISC", "A WITH b"].map(str::to_owned);
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("MIT AND ISC", true),
            ("GPL-3.0 AND MIT OR ISC", true),
            ("GPL-3.0 AND (MIT OR ISC)", false),
            ("(MIT OR GPL-3.0) AND ISC", true),
            ("A WITH b", true),
            ("A", false),
            ("MIT WITH b", false),
            ("(MIT", false),
            ("MIT)", false),
        ] {
            assert_eq!(is_met(expression, &allowed), expected, "{expression}");
        }
    }

    #[test]
    fn packages_are_judged_by_licence_name_and_source() {
        let rules: Rules = toml::from_str(
            "licenses.allow = ['MIT']\nsources.allow-registry = ['r']\nbans.deny = [{ crate = 'bad', reason = 'why' }]",
        )
        .unwrap();
        let judged = |name: &str, license: &str, source: Option<&str>| {
            let [name, version, license] = [name, "1", license].map(str::to_owned);
            rules.judge(&Package { name, version, license: Some(license), source: source.map(str::to_owned) })
        };
        assert_eq!(judged("good", "MIT", Some("registry+r")), [""; 0]);
        assert_eq!(judged("own", "none", None), [""; 0]);
        assert_eq!(judged("bad", "MIT", Some("registry+r")), ["`bad` is banned: why"]);
        assert_eq!(judged("a", "X", Some("registry+r")), ["`a` 1 is under `X`, which is not allowed"]);
        assert_eq!(judged("a", "MIT", Some("git+r")), ["`a` 1 does not come from a registry that is allowed"]);
    }
}
