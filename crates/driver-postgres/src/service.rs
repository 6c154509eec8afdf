//! Service files: connections by name, in `~/.pg_service.conf` and in the system's file, as libpq reads them.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::conninfo::ConninfoError;
use crate::keys;
use crate::settings::Surroundings;

/// Where Debian keeps it; elsewhere `PGSYSCONFDIR` says where it is.
const SYSTEM_DIR: &str = "/etc/postgresql-common";
const SYSTEM_FILE: &str = "pg_service.conf";

type Pairs = Vec<(&'static str, String)>;

/// The settings of a service; the user's own file comes first.
pub(crate) fn find(name: &str, around: &Surroundings<'_>) -> Result<Pairs, ConninfoError> {
    let named = around.variable("PGSERVICEFILE").map(PathBuf::from);
    let is_named = named.is_some();
    let system = around.variable("PGSYSCONFDIR").unwrap_or_else(|| SYSTEM_DIR.to_owned());
    let files = [named.or_else(|| around.home(".pg_service.conf")), Some(PathBuf::from(system).join(SYSTEM_FILE))];
    let mut searched = Vec::new();
    for (at, path) in files.into_iter().enumerate() {
        let Some(path) = path else { continue };
        let shown = path.display().to_string();
        let unusable = |why: String| ConninfoError::ServiceFile { path: shown.clone(), why };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                if let Some(pairs) = section(&text, name).map_err(unusable)? {
                    return Ok(pairs);
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !(is_named && at == 0) => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
        searched.push(format!("`{}`", path.display()));
    }
    Err(ConninfoError::NoService { name: name.to_owned(), files: searched.join(", ") })
}

/// The lines below `[name]`; an error names the line and never what stands there.
fn section(text: &str, name: &str) -> Result<Option<Pairs>, String> {
    let mut found: Option<Pairs> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            found = (header.strip_suffix(']') == Some(name)).then(Vec::new);
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let number = index + 1;
        if line.starts_with("ldap") {
            return Err(format!("line {number} asks an LDAP server, which is not supported"));
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("line {number} has no `=`"))?;
        let key = keys::key(key).ok_or_else(|| format!("line {number} has an unknown key"))?;
        if key.name == "service" {
            return Err(format!("line {number} names another service"));
        }
        pairs.push((key.name, value.to_owned()));
    }
    // The first of two lines with one key counts.
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read() {
        let text =
            "# comment\n[other]\nhost=x\n\n [core] \nhost=db\nport=1\n password = x\nhost=later\n[core]\nuser=no\n";
        for (text, name, expected) in [
            (text, "other", Ok(Some(vec![("host", "x")]))),
            (text, "none", Ok(None)),
            ("[a]\nhost=b c\nuser=", "a", Ok(Some(vec![("host", "b c"), ("user", "")]))),
            (text, "core", Err("line 8 has an unknown key")),
            ("[a]\ncanary", "a", Err("line 2 has no `=`")),
            ("[a]\nservice=canary", "a", Err("line 2 names another service")),
            ("[a]\nldap://canary", "a", Err("line 2 asks an LDAP server, which is not supported")),
        ] {
            let found = section(text, name);
            let found = found.as_ref().map(|found| {
                found.as_ref().map(|pairs| pairs.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
            });
            assert_eq!(found.map_err(String::as_str), expected, "{text}");
        }
    }
}
