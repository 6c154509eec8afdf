//! Carries out what the [`Backfill`] decides: range after range, until it is done or the run stops.

use std::time::Duration;

use dunlin_driver::{BatchClaim, Session, StepTask};
use dunlin_planner::{Backfill, BackfillAction, EventKind, Failure, FailureClass, StepIx};
use tokio::time::Instant;

use crate::step::Context;

/// Runs a backfill; `changed` counts the rows that it changes, also when it does not come to its end.
pub(crate) async fn backfill(
    context: &Context,
    session: &mut dyn Session,
    task: &StepTask<'_>,
    ix: StepIx,
    changed: &mut u64,
) -> Result<bool, Failure> {
    let batch = task.step.body.batch.as_ref().expect("only backfills run in their lane");
    let begun = match session.claim_batches(task, batch.pace.size).await? {
        BatchClaim::AlreadyDone => return Ok(false),
        BatchClaim::Taken(begun) => begun,
    };
    let mut backfill = Backfill::new(batch, begun);
    loop {
        let ended = take(context, session, task, ix, &mut backfill).await;
        *changed = backfill.progress().changed;
        match ended {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(failure) => {
                session.release().await;
                return Err(failure);
            }
        }
    }
}

/// Takes one action; true once every range is done.
async fn take(
    context: &Context,
    session: &mut dyn Session,
    task: &StepTask<'_>,
    ix: StepIx,
    backfill: &mut Backfill,
) -> Result<bool, Failure> {
    let action = backfill.action();
    if context.stop.is_cancelled() && action != BackfillAction::Done {
        return Err(Failure::new(FailureClass::Interrupted, "the backfill was stopped between two batches"));
    }
    match action {
        BackfillAction::Measure => backfill.measured(&session.pressure().await?),
        BackfillAction::Rest { rest, why } => {
            context.emit(EventKind::BackfillRests { step: ix, rest, why });
            rest_for(context, rest).await;
            backfill.rested();
        }
        BackfillAction::Batch { size } => {
            let began = Instant::now();
            match session.batch(task, size).await {
                Ok(facts) => {
                    backfill.ran(facts, began.elapsed());
                    context.emit(EventKind::BatchDone { step: ix, progress: backfill.progress() });
                }
                Err(failure) if failure.class == FailureClass::Busy => backfill.collided(failure, began.elapsed()),
                Err(failure) => return Err(failure),
            }
        }
        BackfillAction::Done => return Ok(true),
        BackfillAction::Stop(failure) => return Err(failure),
    }
    Ok(false)
}

async fn rest_for(context: &Context, rest: Duration) {
    tokio::select! {
        biased;
        () = tokio::time::sleep(rest) => {}
        () = context.stop.cancelled() => {}
    }
}
