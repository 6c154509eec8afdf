//! What statements say of a database from then on, one after the other: what a later one drops, removes or changes is no longer
//! so, and what only shows when it runs is not known any more.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Compression, CompressionSetting, Dimension, Expected, MigrationId, Place, Promise, QualifiedName, Slicing,
};

/// What a statement says of the database from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// This is there.
    Makes(Promise),
    /// This policy may have come with what the statement makes.
    Allows {
        /// What runs it.
        procedure: String,
        /// Its hypertable.
        relation: String,
    },
    /// A hypertable's new chunks are cut so.
    Slices {
        /// The hypertable, as the file writes it; none where that is not known.
        relation: Option<String>,
        /// The column of the dimension, where the statement names one.
        column: Option<String>,
        /// How.
        by: Slicing,
    },
    /// A policy is gone.
    Removes {
        /// What ran it.
        procedure: String,
        /// Its hypertable or continuous aggregate.
        relation: String,
    },
    /// A table is compressed so; what is not named stays as it is.
    Compresses {
        /// The hypertable or continuous aggregate, as SQL takes it.
        relation: String,
        /// What is set; none where it is not known what to.
        settings: BTreeMap<CompressionSetting, Option<String>>,
    },
    /// A hypertable is compressed no longer.
    Decompresses {
        /// The hypertable, as SQL takes it.
        relation: String,
    },
    /// A continuous aggregate shows only what is materialized, or not; none where that is not known.
    Shows {
        /// The aggregate, as SQL takes it.
        relation: String,
        /// Whether only that.
        only: Option<bool>,
    },
    /// A relation is gone, with all that belongs to it: all of them under the name `*`.
    Drops {
        /// Its name, as SQL takes it.
        name: String,
    },
    /// A relation goes by another name from then on.
    Renames {
        /// The name until then, as SQL takes it.
        name: String,
    },
    /// What it does to jobs shows when it runs.
    Obscures,
    /// What hypertables, aggregates or policies it makes shows when it runs.
    Hides,
}

/// A claim and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// What is claimed.
    pub claim: Claim,
    /// Where.
    pub place: Place,
}

/// What is so once some statements have run, as far as they tell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) expected: Vec<Expected>,
    /// Policies that may be there as well, by what runs them and on what.
    pub(crate) allowed: Vec<(String, QualifiedName)>,
    /// Whether nobody knows which policies there are.
    pub(crate) obscured: bool,
    /// The first statement that may have made more.
    pub(crate) hidden: Option<(MigrationId, Place)>,
}

impl Known {
    /// One statement more. `one` is what it promises, with the statement itself.
    pub(crate) fn follow(&mut self, claim: &Claim, one: impl FnOnce(Promise) -> Expected, at: (&MigrationId, &Place)) {
        match claim {
            Claim::Makes(promise) => {
                // What says IF NOT EXISTS was compared when it ran: the first to say so is as good as the last.
                self.expected.retain(|known| !known.promise.is_about_the_same(promise));
                self.expected.push(one(promise.clone()));
            }
            Claim::Allows { procedure, relation } => {
                self.allowed.push((procedure.clone(), QualifiedName::in_string(relation)));
            }
            Claim::Slices { relation, column, by } => self.slice(relation.as_deref(), column.as_deref(), by),
            Claim::Removes { procedure, relation } => self.forget(
                relation,
                |promise| matches!(promise, Promise::Policy(policed) if policed.procedure == *procedure),
            ),
            Claim::Compresses { relation, settings } => self.compress(relation, settings, one),
            Claim::Decompresses { relation } => self.forget(relation, |it| matches!(it, Promise::Compression(_))),
            Claim::Shows { relation, only } => {
                self.forget(relation, |it| matches!(it, Promise::MaterializedOnly { .. }));
                let promise = only.map(|only| Promise::MaterializedOnly { relation: relation.clone(), only });
                self.expected.extend(promise.map(one));
            }
            Claim::Drops { name } if name == "*" => {
                self.hide(!self.expected.is_empty(), at);
                self.expected.clear();
            }
            Claim::Drops { name } => self.forget(name, |_| true),
            Claim::Renames { name } => {
                let before = self.expected.len();
                self.forget(name, |_| true);
                self.hide(self.expected.len() < before, at);
            }
            Claim::Obscures => {
                self.expected.retain(|known| !matches!(known.promise, Promise::Policy(_)));
                self.obscured = true;
            }
            Claim::Hides => self.hide(true, at),
        }
    }

    fn hide(&mut self, does: bool, (migration, place): (&MigrationId, &Place)) {
        if does && self.hidden.is_none() {
            self.hidden = Some((migration.clone(), place.clone()));
        }
    }

    fn forget(&mut self, relation: &str, what: impl Fn(&Promise) -> bool) {
        let name = QualifiedName::in_string(relation);
        self.expected.retain(|known| !(what(&known.promise) && known.promise.is_of(&name)));
    }

    /// Another number or length, where the statement may mean the dimension.
    fn slice(&mut self, relation: Option<&str>, column: Option<&str>, by: &Slicing) {
        let name = relation.map(QualifiedName::in_string);
        let all = self.expected.iter_mut().map(|known| &mut known.promise);
        for promise in all.filter(|promise| name.as_ref().is_none_or(|name| promise.is_of(name))) {
            let means = |this: &str| column.is_none_or(|column| column == this);
            match (promise, by) {
                (Promise::Hypertable { column, interval, .. }, Slicing::Range(new))
                    if column.as_deref().is_none_or(means) =>
                {
                    interval.clone_from(new);
                }
                (Promise::Dimension(Dimension { column, by: old, .. }), new)
                    if means(column) && std::mem::discriminant(old) == std::mem::discriminant(new) =>
                {
                    old.clone_from(new);
                }
                _ => {}
            }
        }
    }

    fn compress(
        &mut self,
        relation: &str,
        set: &BTreeMap<CompressionSetting, Option<String>>,
        one: impl FnOnce(Promise) -> Expected,
    ) {
        let name = QualifiedName::in_string(relation);
        let is_it =
            |known: &mut Expected| matches!(known.promise, Promise::Compression(_)) && known.promise.is_of(&name);
        let mut settings = BTreeMap::new();
        for old in self.expected.extract_if(.., is_it) {
            if let Promise::Compression(old) = old.promise {
                settings.extend(old.settings);
            }
        }
        for (setting, value) in set {
            match value {
                Some(value) => settings.insert(*setting, value.clone()),
                None => settings.remove(setting),
            };
        }
        self.expected.push(one(Promise::Compression(Compression { relation: relation.to_owned(), settings })));
    }
}

impl Promise {
    /// The relation that it is about, as the file writes it.
    #[must_use]
    pub fn relation(&self) -> QualifiedName {
        match self {
            Self::Policy(policed) => QualifiedName::in_string(&policed.relation),
            Self::Hypertable { relation, .. }
            | Self::Dimension(Dimension { relation, .. })
            | Self::Compression(Compression { relation, .. })
            | Self::MaterializedOnly { relation, .. } => QualifiedName::in_string(relation),
            Self::Aggregate(shape) => shape.name.clone(),
            Self::Routine { name, .. } => name.clone(),
        }
    }

    pub(crate) fn is_of(&self, name: &QualifiedName) -> bool {
        self.relation().may_be(name)
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        let same_kind = match (self, other) {
            (Self::Policy(this), Self::Policy(that)) => this.procedure == that.procedure,
            (Self::Dimension(this), Self::Dimension(that)) => this.column == that.column,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        };
        same_kind && self.relation() == other.relation()
    }
}
