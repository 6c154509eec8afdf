//! What is in a database although no migration says so: worth knowing, and no drift, for others may own it.

use std::fmt;

use crate::claim::Known;
use crate::promise::policy_name;
use crate::{Failure, Finding, Promise, QualifiedName, TargetName};

/// Something that migrations declare, as it is found in a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listed {
    /// A hypertable.
    Hypertable(QualifiedName),
    /// A continuous aggregate.
    Aggregate(QualifiedName),
    /// A policy.
    Policy {
        /// What runs it, such as `policy_retention`.
        procedure: String,
        /// Its hypertable or continuous aggregate.
        relation: QualifiedName,
    },
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hypertable(name) => write!(f, "hypertable `{name}`"),
            Self::Aggregate(name) => write!(f, "continuous aggregate `{name}`"),
            Self::Policy { procedure, relation } => write!(f, "{} of `{relation}`", policy_name(procedure)),
        }
    }
}

impl Known {
    /// Whether it is known of, or nobody can tell.
    fn explains(&self, one: &Listed) -> bool {
        let says = |is_it: &dyn Fn(&Promise) -> bool, name: &QualifiedName| {
            self.expected.iter().any(|one| is_it(&one.promise) && one.promise.is_of(name))
        };
        match one {
            Listed::Hypertable(name) => says(&|promise| matches!(promise, Promise::Hypertable { .. }), name),
            Listed::Aggregate(name) => says(&|promise| matches!(promise, Promise::Aggregate(_)), name),
            Listed::Policy { procedure, relation } => {
                let is_it =
                    |promise: &Promise| matches!(promise, Promise::Policy(policed) if policed.procedure == *procedure);
                let allowed = self.allowed.iter().any(|(by, of)| by == procedure && of.may_be(relation));
                self.obscured || allowed || says(&is_it, relation)
            }
        }
    }
}

/// What of `listed` no migration declares; or why that cannot be said.
pub(crate) fn undeclared(target: &TargetName, known: &Known, listed: &Result<Vec<Listed>, Failure>) -> Vec<Finding> {
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) => {
            let message = format!("what else is in `{target}` could not be listed: {}", failure.message);
            return vec![Finding::note("verify-unknown", message)];
        }
    };
    let rest: Vec<_> = listed.iter().filter(|one| !known.explains(one)).collect();
    match (&known.hidden, rest.as_slice()) {
        (_, []) => Vec::new(),
        (Some((migration, place)), rest) => {
            let (is, it) = if rest.len() == 1 { ("is", "it") } else { ("are", "them") };
            let message = format!(
                "{} of the hypertables, continuous aggregates and policies in `{target}` {is} declared by no migration, unless `{migration}` made {it}: what it makes shows only when it runs",
                rest.len()
            );
            vec![Finding::note("verify-unknown", message).at(place.clone()).of(migration)]
        }
        (None, rest) => {
            let note = |one: &&Listed| {
                let message = format!("{one} is in `{target}`, and no applied migration declares it");
                Finding::note("verify-undeclared", message)
            };
            rest.iter().map(note).collect()
        }
    }
}
