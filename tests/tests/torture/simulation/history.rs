//! What happened in all databases, in the order in which it happened there, and whether it may have.
//!
//! Each effect is checked as it comes: against where its migration stands, and against where those stand that come before
//! or behind it. Whatever runs, and however it is disturbed, no other sequence of effects is right.

use std::collections::BTreeMap;

use dunlin_planner::{Action, Kind, Probe, Statement, StatementClass, Step, TargetName};

use super::project::{Mask, Project, members};

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Gone,
    /// So many of its statements took effect.
    Rising(usize),
    There,
    /// So many statements of its down did.
    Sinking(usize),
}

/// What took effect at once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect {
    /// A whole body, in one transaction.
    Whole,
    /// One statement.
    Statement(usize),
    /// A range of a backfill, perhaps the last.
    Range { last: bool },
    /// Nothing more: the ledger says that it is done.
    Finish,
}

/// Everything that took effect.
pub(crate) struct History {
    stands: Vec<Stand>,
    /// How often each was applied.
    times: Vec<u64>,
    /// The texts of what took effect, as the databases should tell them.
    effects: BTreeMap<TargetName, Vec<String>>,
    wrong: Vec<String>,
}

impl History {
    pub(crate) fn new(count: usize) -> Self {
        Self { stands: vec![Stand::Gone; count], times: vec![0; count], effects: BTreeMap::new(), wrong: Vec::new() }
    }

    /// Something of `step` took effect just now.
    pub(crate) fn record(&mut self, project: &Project, step: &Step, text: &str, effect: Effect) {
        let number = project.number[&step.id];
        let is_up = matches!(step.action, Action::Apply { .. });
        self.tell(step, text, effect);
        let statements = &step.body.statements;
        match follows(self.stands[number], is_up, effect, statements, step.kind) {
            Some(stand) => {
                self.times[number] += u64::from(stand == Stand::There);
                self.stands[number] = stand;
            }
            None => self.wrong.push(format!("{effect:?} of `{}` while it is {:?}", step.id, self.stands[number])),
        }
        let is_out_of_turn = |other: &usize| match is_up {
            true => !self.is_whole(project, *other),
            false => self.stands[*other] != Stand::Gone,
        };
        let turn = if is_up { project.needs[number] } else { project.holds[number] };
        let out_of_turn = members(turn).find(is_out_of_turn);
        self.wrong.extend(out_of_turn.map(|other| {
            let other_id = &project.migration(other).id;
            format!("{effect:?} of `{}` (up: {is_up}) while `{other_id}` is {:?}", step.id, self.stands[other])
        }));
    }

    fn tell(&mut self, step: &Step, text: &str, effect: Effect) {
        let statements = match effect {
            Effect::Whole => &step.body.statements[..],
            Effect::Statement(index) => &step.body.statements[index..=index],
            Effect::Range { .. } | Effect::Finish => &[],
        };
        let told = statements.iter().map(|statement| text[statement.range.clone()].to_owned());
        self.effects.entry(step.target.clone()).or_default().extend(told);
    }

    /// Whether all of it is there, even if the ledger does not say so yet.
    fn is_whole(&self, project: &Project, number: usize) -> bool {
        match self.stands[number] {
            Stand::There => true,
            Stand::Rising(done) => done == project.migration(number).up.statements.len(),
            Stand::Gone | Stand::Sinking(_) => false,
        }
    }

    /// Whether it is where a step up, or down, leaves it.
    pub(crate) fn is_at_end(&self, number: usize, is_up: bool) -> bool {
        self.stands[number] == if is_up { Stand::There } else { Stand::Gone }
    }

    /// How many statements took effect of what is under way.
    pub(crate) fn progress(&self, number: usize) -> usize {
        match self.stands[number] {
            Stand::Rising(done) | Stand::Sinking(done) => done,
            Stand::Gone | Stand::There => 0,
        }
    }

    /// Whether exactly these are there, and nothing half way.
    pub(crate) fn settled(&self, project: &Project, there: Mask) -> Result<(), String> {
        let differs = |(number, stand): (usize, &Stand)| {
            let is_there = there & (1 << number) != 0;
            let should = if is_there { Stand::There } else { Stand::Gone };
            (*stand != should).then(|| format!("`{}` is {stand:?}, not {should:?}", project.migration(number).id))
        };
        let differing: Vec<_> = self.stands.iter().enumerate().filter_map(differs).collect();
        if differing.is_empty() { Ok(()) } else { Err(differing.join("\n")) }
    }

    /// How often this one was applied.
    pub(crate) fn times(&self, number: usize) -> u64 {
        self.times[number]
    }

    pub(crate) fn effects(&self, target: &TargetName) -> &[String] {
        self.effects.get(target).map_or(&[], Vec::as_slice)
    }

    /// The first thing that happened and may not have.
    pub(crate) fn wrong(&self) -> Result<(), String> {
        self.wrong.first().map_or(Ok(()), |wrong| Err(wrong.clone()))
    }
}

/// Where a migration stands after `effect`; none where that may not happen.
fn follows(stand: Stand, is_up: bool, effect: Effect, statements: &[Statement], kind: Kind) -> Option<Stand> {
    let (end, on_the_way): (_, fn(usize) -> Stand) =
        if is_up { (Stand::There, Stand::Rising) } else { (Stand::Gone, Stand::Sinking) };
    let done = match (stand, is_up) {
        (Stand::Gone, true) | (Stand::There, false) => 0,
        (Stand::There, true) if kind == Kind::Repeatable => 0,
        (Stand::Rising(done), true) | (Stand::Sinking(done), false) => done,
        _ => return None,
    };
    let is_harmless =
        |index: usize| matches!(statements[index].class, StatementClass::Alone { probe: Probe::Repeat, .. });
    match effect {
        Effect::Whole => (done == 0).then_some(end),
        Effect::Statement(index) if index == done => Some(on_the_way(done + 1)),
        Effect::Statement(index) if index + 1 == done && is_harmless(index) => Some(on_the_way(done)),
        Effect::Statement(_) => None,
        Effect::Range { last: false } => Some(on_the_way(0)),
        Effect::Range { last: true } => Some(end),
        Effect::Finish => (done == statements.len()).then_some(end),
    }
}
