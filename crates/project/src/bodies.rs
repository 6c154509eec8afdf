//! The text of every body that was read, held by file and digest.

use std::collections::HashMap;
use std::sync::Arc;

use dunlin_planner::{Bodies, BodyGone, Digest};

/// The bodies of a project, as they were when it was read.
///
/// The digest alone is not enough: two files that differ only in a BEGIN … COMMIT around them share it, but their
/// statements lie at different bytes.
#[derive(Debug, Default)]
pub struct HeldBodies(HashMap<(Arc<str>, Digest), Arc<str>>);

impl HeldBodies {
    pub(crate) fn hold(&mut self, path: Arc<str>, digest: Digest, text: &str) {
        self.0.insert((path, digest), Arc::from(text));
    }
}

impl Bodies for HeldBodies {
    fn open(&self, path: &str, digest: &Digest) -> Result<Arc<str>, BodyGone> {
        let held = self.0.get(&(Arc::from(path), *digest)).cloned();
        held.ok_or_else(|| BodyGone { path: path.to_owned(), digest: *digest })
    }
}
