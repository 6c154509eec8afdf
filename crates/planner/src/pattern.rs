//! Names with a wildcard, as the configuration writes them.

use std::fmt;

use serde::Serialize;

/// A name in which `*` stands for any characters, also for none; everything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern; every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether all of `name` is what the pattern says.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything_and_the_rest_is_itself() {
        for (pattern, fits, not) in [
            ("vacuum", &["vacuum"][..], &["vacuum2", "Vacuum", ""][..]),
            ("maintenance-*", &["maintenance-", "maintenance-vacuum"], &["maintenance", "x-maintenance-"]),
            ("*-nightly", &["a-nightly", "-nightly"], &["nightly", "a-nightly-b"]),
            ("a*b*c", &["abc", "a1b2c", "abbc"], &["ab", "acb", "ac"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("a*b*b", &["abb", "a1b2b"], &["ab", "a1b"]),
            ("*", &["", "anything [at] all?"], &[]),
            ("?[a]", &["?[a]"], &["xa"]),
        ] {
            fits.iter().for_each(|name| assert!(Pattern::new(pattern).fits(name), "{pattern} {name}"));
            not.iter().for_each(|name| assert!(!Pattern::new(pattern).fits(name), "{pattern} {name}"));
        }
    }
}
