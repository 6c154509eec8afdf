//! The URL of a target, in a type that cannot print its password.
//!
//! Nothing is checked here: which URLs are valid is a matter of the driver that reads them. What is shown keeps user, host
//! and database, because a message has to name the server it speaks of.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A connection URL, or a connection string of keywords, as it was configured.
#[derive(Clone)]
pub struct TargetUrl(SecretString);

impl TargetUrl {
    /// Takes the URL as it is.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(SecretString::from(url.into()))
    }

    /// The whole text with its password, for the driver that connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Display for TargetUrl {
    /// The URL without password and parameters; of a keyword string nothing at all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.expose().split_once("://") else { return f.write_str("…") };
        write!(f, "{scheme}://")?;
        // Someone may have written a bare `/`, `?` or `@` into the password: whatever stands before the last `@` is not shown.
        let (user, address) = match rest.rsplit_once('@') {
            Some((before, _)) if before.contains("password=") => return f.write_str("…"),
            Some((before, address)) => (before.split([':', '/', '?', '#', '@']).next(), address),
            None => (None, rest),
        };
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        f.write_str(address.split(['?', '#']).next().unwrap_or_default())
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://app:canary@db:5432/core", "postgres://app@db:5432/core"),
            ("postgres://app:can/ary@db/core", "postgres://app@db/core"),
            ("postgres://app:ca@n:ary@db/core", "postgres://app@db/core"),
            ("postgres://app:ca?n#ary@db/core?sslmode=require", "postgres://app@db/core"),
            ("postgres://db/core?password=canary", "postgres://db/core"),
            ("postgres://app@db/core", "postgres://app@db/core"),
            ("postgres://db/core?password=can@ary", "postgres://…"),
            ("host=db password=canary", "…"),
            ("", "…"),
        ] {
            let url = TargetUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("canary"));
        }
    }
}
