//! Password files: `~/.pgpass`, with libpq's rules of matching and its check of permissions.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;

/// Whose password is wanted, field by field as the file has them.
pub(crate) struct Login<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// The lines of a password file that may be used.
pub(crate) struct Passfile(String);

impl Passfile {
    /// Reads it; none where there is none, and a warning where it must not be used.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, String> {
        let shown = path.display();
        let Ok(meta) = std::fs::metadata(path) else { return Ok(None) };
        if !meta.is_file() {
            return Err(format!("the password file `{shown}` is left out: it is not a plain file"));
        }
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(format!(
                "the password file `{shown}` is left out: group or others have access to it (chmod 0600 {shown})"
            ));
        }
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(Self(String::from_utf8_lossy(&bytes).into_owned()))),
            Err(error) => Err(format!("the password file `{shown}` is left out: {}", error.kind())),
        }
    }

    /// The password of the first line that matches.
    pub(crate) fn password(&self, login: &Login<'_>) -> Option<SecretString> {
        let port = login.port.to_string();
        let wanted = [login.host, &port, login.database, login.user];
        let lines = self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.filter_map(|line| password(line, wanted)).next().map(SecretString::from)
    }
}

fn password(line: &str, wanted: [&str; 4]) -> Option<String> {
    let mut rest = line;
    for wanted in wanted {
        let (field, tail) = field(rest)?;
        rest = tail;
        if field != "*" && unescaped(field) != wanted {
            return None;
        }
    }
    let password = field(rest).map_or(rest, |(password, _)| password);
    (!password.is_empty()).then(|| unescaped(password))
}

/// What stands before the next colon that is not escaped, and what behind it.
fn field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = text.bytes().position(|byte| {
        let ends = byte == b':' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((&text[..at], &text[at + 1..]))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(if char == '\\' { chars.next().unwrap_or(char) } else { char });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_counts() {
        let wanted = ["db", "5432", "core", "app"];
        for (line, expected) in [
            ("db:5432:core:app:secret", Some("secret")),
            ("*:*:*:*:a\\:b\\\\c", Some("a:b\\c")),
            ("db:5432:core:app:with space ", Some("with space ")),
            ("db:5432:core:app:secret:more", Some("secret")),
            ("db:5433:core:app:secret", None),
            ("d*:5432:core:app:secret", None),
            ("\\db:5432:core:app:secret", Some("secret")),
            ("db:5432:core:app", None),
            ("db:5432:core:app:", None),
        ] {
            assert_eq!(password(line, wanted).as_deref(), expected, "{line}");
        }
        let escaped = ["::1", "5432", "core", "app"];
        assert_eq!(password("\\:\\:1:*:*:app:v6", escaped).as_deref(), Some("v6"));
    }
}
