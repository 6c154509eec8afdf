//! What must hold of a report, of a refusal, and of the databases once everything came to rest.

use dunlin_driver::conformance::Database;
use dunlin_planner::{
    Class, Direction, FailureClass, LedgerRow, Migration, Plan, Probe, RowState, RunReport, Statement, StatementClass,
    StepEnd,
};

use super::body::walked;
use super::project::{Mask, Project, members};
use super::world::World;

type Judged = Result<(), String>;

fn require(holds: bool, what: impl FnOnce() -> String) -> Judged {
    if holds { Ok(()) } else { Err(what()) }
}

fn leaves_no_trace(statement: &Statement) -> bool {
    matches!(statement.class, StatementClass::Alone { probe: Probe::Unknown, .. })
}

/// A failure blocks what comes behind it and nothing else, and what is said to be done is.
pub(crate) fn report(project: &Project, world: &World, plan: &Plan, report: &RunReport, is_fast: bool) -> Judged {
    let numbers: Vec<_> = plan.steps.iter().map(|step| project.number[&step.id]).collect();
    let bit = |step: usize| 1 << numbers[step];
    let failed = report.steps.iter().filter(|line| matches!(line.end, StepEnd::Failed { .. }));
    let failed: Mask = failed.fold(0, |mask, line| mask | bit(line.step.0));
    let is_stopped = report.interrupted || is_fast && failed != 0;
    let is_up = plan.direction == Direction::Up;
    require(report.steps.len() == plan.steps.len(), || "the report leaves steps out".to_owned())?;
    for line in &report.steps {
        let (step, number) = (plan.step(line.step), numbers[line.step.0]);
        let before = if is_up { project.before[number] } else { project.holds[number] };
        let holds = match &line.end {
            StepEnd::Done | StepEnd::AlreadyDone => {
                before & failed == 0 && world.shared().history.is_at_end(number, is_up)
            }
            StepEnd::Failed { failure } => {
                let is_possible = match failure.class {
                    FailureClass::Busy
                    | FailureClass::Unreachable
                    | FailureClass::Unknown
                    | FailureClass::FailedOver
                    | FailureClass::Interrupted
                    | FailureClass::Unreplicated => true,
                    FailureClass::Rejected => failure.message == "trouble",
                    FailureClass::Dirty => step.body.statements.iter().any(leaves_no_trace),
                    FailureClass::Estranged | FailureClass::Misconfigured => false,
                };
                before & failed == 0 && is_possible
            }
            StepEnd::Blocked { by } => before & bit(by.0) & failed != 0,
            StepEnd::NotStarted => is_stopped,
        };
        let is_blocked = is_stopped || before & failed == 0 || matches!(line.end, StepEnd::Blocked { .. });
        require(holds && is_blocked, || format!("`{}` cannot end so: {:?}", step.id, line.end))?;
    }
    Ok(())
}

/// Nothing is refused but for a database that does not answer, or a statement in doubt.
pub(crate) fn refusal(plan: &Plan) -> Judged {
    plan.errors().try_for_each(|error| {
        require(matches!(error.class, Class::Blocked | Class::Dirty), || format!("refused: {}", error.message))
    })
}

/// A person is asked only where nothing else tells.
pub(crate) fn doubt(row: &LedgerRow, migration: Option<&Migration>) -> Judged {
    let body = match (row.state, migration) {
        (RowState::Reverting, Some(migration)) => migration.way_back(),
        (_, migration) => migration.map(|migration| migration.up.clone()),
    };
    let statement = body.and_then(|body| body.statements.get(row.step as usize).cloned());
    require(row.in_doubt() && statement.as_ref().is_some_and(leaves_no_trace), || {
        format!("nobody need be asked about `{}`: {statement:?}", row.id)
    })
}

/// Exactly these are applied, by the ledgers, by the objects, by the rows that backfills changed, and by what happened.
pub(crate) async fn settled(project: &Project, world: &World, there: Mask) -> Judged {
    world.shared().history.settled(project, there)?;
    for (target, database) in &world.databases {
        let mut applied = 0;
        for row in database.rows().values() {
            let bit = 1 << project.number[&row.id];
            match row.state {
                RowState::Applied => applied |= bit,
                RowState::Reverted => {}
                RowState::Running | RowState::Reverting => return Err(format!("`{}` is {:?}", row.id, row.state)),
            }
        }
        let here: Vec<_> = members(there).filter(|number| project.target(*number) == target).collect();
        let expected = here.iter().fold(0, |mask, number| mask | 1 << number);
        require(applied == expected, || format!("the ledger of `{target}` has {applied:b}, not {expected:b}"))?;
        let made = here.iter().flat_map(|number| project.objects(*number)).collect();
        let objects = database.objects().await;
        require(objects == made, || format!("in `{target}` there are {objects:?}, not {made:?}"))?;
        let shared = world.shared();
        require(database.effects() == shared.history.effects(target), || {
            format!("`{target}` tells of {:?}, not {:?}", database.effects(), shared.history.effects(target))
        })?;
    }
    let backfills =
        (0..project.catalog.migrations.len()).filter(|number| project.migration(*number).up.batch.is_some());
    for number in backfills {
        let (changes, times) =
            (world.databases[project.target(number)].changes(&walked(number)), world.shared().history.times(number));
        require(changes.values().all(|count| *count == times), || {
            format!("`{}` was applied {times} times, and changed {changes:?}", project.migration(number).id)
        })?;
    }
    Ok(())
}
