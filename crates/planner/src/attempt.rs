//! What an attempt at a step makes of the rows that it finds: where it begins, whether all of it is done already, or what
//! forbids it. The same in every ledger, whoever keeps it.

use crate::{
    Action, Dependency, Failure, FailureClass, Kind, LedgerRow, MigrationId, RowState, Settlement, Step, halfway,
};

/// Where an attempt begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first statement.
    Anew,
    /// Behind what an earlier attempt finished, or began at last.
    Resumed,
}

impl Step {
    /// What a claim makes of the ledger: the migration's own `row`, those that `find` knows of others, and `rows`, all of them.
    /// An attempt that is `whole` runs in one transaction. None where the step is where it is wanted already.
    ///
    /// # Errors
    /// A [`Failure`] that says what is in the way.
    pub fn claim<'r>(
        &self,
        whole: bool,
        row: Option<&LedgerRow>,
        find: impl Fn(&MigrationId) -> Option<&'r LedgerRow>,
        rows: impl Iterator<Item = &'r LedgerRow>,
    ) -> Result<Option<Start>, Failure> {
        match &self.action {
            Action::Apply { after, .. } => {
                let local = after.iter().filter(|need| need.target == self.target);
                self.unless(local.filter_map(|need| keeps(need, find(&need.id))).collect())?;
                self.start(whole, row)
            }
            Action::Revert { dependents } => {
                let Some(start) = self.start(whole, row)? else { return Ok(None) };
                let depends = |row: &&LedgerRow| {
                    row.state != RowState::Reverted && (dependents.contains(&row.id) || row.needs(&self.id))
                };
                self.unless(rows.filter(depends).map(said).collect())?;
                Ok(Some(start))
            }
        }
    }

    fn start(&self, whole: bool, row: Option<&LedgerRow>) -> Result<Option<Start>, Failure> {
        let up = self.is_up();
        let Some(row) = row else { return Ok(up.then_some(Start::Anew)) };
        let is_changed = self.kind == Kind::Repeatable && row.checksum != self.checksum;
        let is_open = !row.transactional && row.state == if up { RowState::Running } else { RowState::Reverting };
        match row.state {
            RowState::Reverted if up => Ok(Some(Start::Anew)),
            RowState::Applied if !up || is_changed => Ok(Some(Start::Anew)),
            _ if is_open && !whole && row.fits(&self.body) => Ok(Some(Start::Resumed)),
            // None of its statements was begun, so that its file may run in one transaction now.
            _ if is_open && row.begun.is_empty() => Ok(Some(Start::Anew)),
            _ => self.not_claimed(Some(row)).map(|()| None),
        }
    }

    /// What it means that no attempt starts from `row`: nothing is to do, or
    ///
    /// # Errors
    /// a [`Failure`] that says why not.
    pub fn not_claimed(&self, row: Option<&LedgerRow>) -> Result<(), Failure> {
        let (id, up) = (&self.id, self.is_up());
        let moved = || Failure::new(FailureClass::Busy, format!("the row of `{id}` changed just now"));
        let Some(row) = row else { return if up { Err(moved()) } else { Ok(()) } };
        match row.state {
            RowState::Applied if up && row.checksum == self.checksum => Ok(()),
            RowState::Applied if up => {
                let message = format!("`{id}` is applied with another checksum, {}", row.checksum.short());
                let hint = "somebody applied it from other files since the plan was made: plan again";
                Err(Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Estranged, message) })
            }
            RowState::Reverted if !up => Ok(()),
            RowState::Applied | RowState::Reverted => Err(moved()),
            RowState::Running | RowState::Reverting => Err(self.unfinished(row)),
        }
    }

    fn unfinished(&self, row: &LedgerRow) -> Failure {
        let (id, was_up) = (&self.id, row.state == RowState::Running);
        let word = if was_up { "begun" } else { "being taken back" };
        let message = format!("`{id}` was {word} by run {} and never finished", row.run);
        let hint = if row.transactional {
            format!("its file ended its own transaction half way: {}", halfway(id))
        } else if was_up != self.is_up() {
            format!(
                "finish that first: dunlin {}",
                if was_up { "up".to_owned() } else { format!("down --version {id}") }
            )
        } else if row.fits(&self.body) {
            "it goes on where it stopped: plan again".to_owned()
        } else {
            format!("it ran statement by statement and its file has changed in what was done already: {}", halfway(id))
        };
        Failure { hint: Some(hint), ..Failure::new(FailureClass::Dirty, message) }
    }

    fn unless(&self, others: Vec<String>) -> Result<(), Failure> {
        if others.is_empty() { Ok(()) } else { Err(self.kept_by(&others.join(", "))) }
    }

    /// It cannot be done while these `others` are as they are.
    #[must_use]
    pub fn kept_by(&self, others: &str) -> Failure {
        let word = if self.is_up() { "applied" } else { "taken back" };
        let message = format!("`{}` cannot be {word} while {others}", self.id);
        let hint = Some("the ledger changed since the plan was made: plan again".to_owned());
        Failure { hint, ..Failure::new(FailureClass::Estranged, message) }
    }

    fn is_up(&self) -> bool {
        matches!(self.action, Action::Apply { .. })
    }
}

impl Settlement {
    /// That none of `rows` needs what is said to be gone.
    ///
    /// # Errors
    /// A [`Failure`] that names those that do.
    pub fn check<'r>(&self, rows: impl Iterator<Item = &'r LedgerRow>) -> Result<(), Failure> {
        let others: Vec<_> = rows.filter(|row| self.is_missed_by(row)).map(said).collect();
        if others.is_empty() { Ok(()) } else { Err(self.kept_by(&others.join(", "))) }
    }

    /// Its migration cannot be forgotten while these `others` are as they are.
    #[must_use]
    pub fn kept_by(&self, others: &str) -> Failure {
        let failure =
            Failure::new(FailureClass::Estranged, format!("`{}` cannot be forgotten while {others}", self.id));
        Failure { hint: Some("take those back, or forget them, first".to_owned()), ..failure }
    }

    /// The row is another than the one that a person was shown.
    #[must_use]
    pub fn outrun(&self) -> Failure {
        let message = format!("the row of `{}` is not as it was shown any more", self.id);
        let hint = Some("look again, and repair what is there then".to_owned());
        Failure { hint, ..Failure::new(FailureClass::Estranged, message) }
    }
}

/// What keeps the step from being applied, where the migration that it needs is not as planned.
fn keeps(need: &Dependency, row: Option<&LedgerRow>) -> Option<String> {
    match row {
        None => Some(format!("`{}` is not applied", need.id)),
        Some(row) if row.state != RowState::Applied => Some(said(row)),
        Some(row) if row.checksum != need.checksum => Some(format!("`{}` is applied with another checksum", need.id)),
        Some(_) => None,
    }
}

fn said(row: &LedgerRow) -> String {
    format!("`{}` is {}", row.id, row.state.as_str())
}
