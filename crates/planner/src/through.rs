//! Who comes before whom when those in between take no part.
//!
//! A plan holds some migrations of the graph only. Two of them may be ordered by a way that leads over others: a set that
//! comes after another whose own first migrations are applied long since, or a sequence with a gap in it.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::MigrationIx;

/// What lies before those that take no part; filled in the graph's order.
#[derive(Default)]
pub(crate) struct Through {
    /// Only where there is something, and shared along a chain, so that a long one costs no more than a short one.
    before: HashMap<MigrationIx, Rc<BTreeSet<MigrationIx>>>,
}

impl Through {
    /// The nearest of those that take part, among `earlier` and through the others of it.
    pub(crate) fn nearest(
        &self,
        earlier: &[MigrationIx],
        takes_part: impl Fn(MigrationIx) -> bool,
    ) -> Rc<BTreeSet<MigrationIx>> {
        let direct: BTreeSet<_> = earlier.iter().copied().filter(|ix| takes_part(*ix)).collect();
        let mut passed = earlier.iter().filter(|ix| !direct.contains(*ix)).filter_map(|ix| self.before.get(ix));
        let first = passed.next();
        let rest: Vec<_> = passed.collect();
        match first {
            None => Rc::new(direct),
            Some(only) if rest.is_empty() && direct.is_empty() => Rc::clone(only),
            Some(first) => {
                Rc::new(rest.into_iter().chain([first]).flat_map(|set| set.iter().copied()).chain(direct).collect())
            }
        }
    }

    /// `ix` takes no part, and these come before it.
    pub(crate) fn pass(&mut self, ix: MigrationIx, nearest: Rc<BTreeSet<MigrationIx>>) {
        if !nearest.is_empty() {
            self.before.insert(ix, nearest);
        }
    }
}
