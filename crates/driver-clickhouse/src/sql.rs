//! Values as SQL text for ClickHouse, and the identifiers by which its processes are found again.

use std::fmt::Write as _;

use dunlin_planner::{MigrationId, ProjectName};

/// A `String` value: every byte that is no letter, digit or plain sign is escaped, so that no setting changes its meaning.
pub(crate) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('\'');
    for char in value.chars() {
        match char {
            '\'' => literal.push_str("\\'"),
            '\\' => literal.push_str("\\\\"),
            char if u32::from(char) < 32 => {
                write!(literal, "\\x{:02X}", u32::from(char)).expect("writing to a string does not fail");
            }
            char => literal.push(char),
        }
    }
    literal.push('\'');
    literal
}

/// An identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// What the lock of a migration is called, as an identifier of a query: one of them runs at a time.
pub(crate) fn lock_name(database: &str, project: &ProjectName, id: &MigrationId) -> String {
    format!("dunlin-lock:{database}:{project}:{id}")
}

/// What the identifiers of a migration's statements begin with.
pub(crate) fn work_name(database: &str, project: &ProjectName, id: &MigrationId) -> String {
    format!("dunlin:{database}:{project}:{id}:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_be_left() {
        for (value, literal) in
            [("a", "'a'"), ("it's", "'it\\'s'"), ("\\'; DROP", "'\\\\\\'; DROP'"), ("é\n\0", "'é\\x0A\\x00'")]
        {
            assert_eq!(text(value), literal);
        }
        assert_eq!(identifier("a`b\\"), "`a\\`b\\\\`");
    }
}
