//! Versions as every naming style writes them, ordered numerically part by part.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::InvalidName;

/// A migration's version, kept as it was written.
///
/// Parts are separated by `.`, `_` or `-`. Numeric parts compare as numbers of any length (`V10` after `V9`, `001` equal
/// to `1`), other parts as text and after every number; a version that is a prefix of another comes first.
#[derive(Clone)]
pub struct Version {
    text: Arc<str>,
    /// Sorts by its bytes as the version does, since versions are compared far more often than they are made.
    key: Arc<[u8]>,
}

impl Version {
    /// Checks `text` and makes the version.
    ///
    /// # Errors
    /// [`InvalidName`] when `text` is empty, longer than 200 bytes or holds anything but `[A-Za-z0-9._-]`.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        crate::SetName::new(text).map(|_| Self { text: Arc::from(text), key: key(text) })
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Each part as bytes: a number as 1, the count of its digits without leading zeros, and these; a text as 2, itself, and 0.
fn key(text: &str) -> Arc<[u8]> {
    let mut key = Vec::with_capacity(text.len() + 4);
    for part in text.split(['.', '_', '-']) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            let digits = part.trim_start_matches('0');
            key.extend([1, u8::try_from(digits.len()).expect("a name has at most 200 bytes")]);
            key.extend(digits.bytes());
        } else {
            key.push(2);
            key.extend(part.bytes());
            key.push(0);
        }
    }
    Arc::from(key)
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl FromStr for Version {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_part_by_part() {
        let ascending = [
            "1",
            "1.1",
            "1.2",
            "1.10",
            "2",
            "9",
            "10",
            "0020",
            "20240101_001",
            "20240101_002",
            "20250929140000",
            "views",
        ];
        for pair in ascending.windows(2) {
            let (low, high) = (Version::new(pair[0]).unwrap(), Version::new(pair[1]).unwrap());
            assert!(low < high, "{low} < {high}");
        }
    }

    #[test]
    fn leading_zeros_and_separators_do_not_make_a_version_another() {
        for (left, right) in [("001", "1"), ("1_2", "1.2"), ("0", "000")] {
            assert_eq!(Version::new(left).unwrap(), Version::new(right).unwrap());
        }
        assert_ne!(Version::new("1").unwrap(), Version::new("1.0").unwrap());
    }
}
