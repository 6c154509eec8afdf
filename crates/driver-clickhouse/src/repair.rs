//! What a person says of a row or of a ledger: under the same locks as runs, and written down as a further event.

use dunlin_planner::{
    Adoption, EnvironmentName, Failure, FailureClass, How, Identity, LedgerId, ProjectName, RowMark, Settlement,
};

use crate::event::{Event, Scribe, write_meta};
use crate::http::Http;
use crate::ledger::{self, Loss, Meta};
use crate::lock::Lock;
use crate::server::{self, Server};
use crate::sql;
use crate::tables::PROTOCOL;

/// Makes the row what `settlement` says.
pub(crate) async fn settle(
    http: &Http,
    server: &Server,
    project: &ProjectName,
    settlement: &Settlement,
) -> Result<(), Failure> {
    let id = &settlement.id;
    let name = sql::lock_name(http.database(), project, id);
    let lock = Lock::take(http, server, &name, &format!("`{id}`")).await?;
    let settled = write(http, server, project, settlement).await;
    lock.free().await;
    settled
}

async fn write(http: &Http, server: &Server, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
    let Settlement { id, repair, reason, before, after } = settlement;
    let Some(meta) = ledger::meta(http).await? else { return Err(changed("the ledger is gone")) };
    let entries = ledger::entries(http, &meta, project, None).await?;
    settlement.check(entries.values().map(|entry| &entry.row))?;
    let Some(entry) = entries.get(id).filter(|entry| RowMark::of(&entry.row) == *before) else {
        return Err(settlement.outrun());
    };
    let mut new = entry.clone();
    (new.row.state, new.row.step, new.pre) = (after.state, after.step, None);
    new.row.attempt += 1;
    if let Some(sums) = &after.checksums {
        (new.row.checksum, new.row.tokens, new.raw) = (sums.checksum, sums.tokens, sums.raw.to_string());
    }
    if let Some(sums) = &after.sums {
        new.sums.clone_from(sums);
    }
    let message = format!("`repair {}`: {reason}", repair.word());
    let was = serde_json::to_string(before).map_err(|error| changed(&error.to_string()))?;
    let finished = before.state.is_open() && !after.state.is_open();
    let event = Event { what: "repaired", run: None, message: &message, finished, before: &was };
    Scribe { http, server, project }.write(&mut new, &event, true).await
}

/// Gives the ledger the identity that `adoption` says, if it is still the one that was shown.
pub(crate) async fn adopt(
    http: &Http,
    server: &Server,
    project: &ProjectName,
    adoption: &Adoption,
) -> Result<LedgerId, Failure> {
    let lock = Lock::take(http, server, &making(http), "the ledger").await?;
    let adopted = write_adoption(http, server, project, adoption).await;
    lock.free().await;
    adopted
}

/// The name of the lock under which a ledger is made or adopted.
pub(crate) fn making(http: &Http) -> String {
    format!("dunlin-lock:{}", http.database())
}

async fn write_adoption(
    http: &Http,
    server: &Server,
    project: &ProjectName,
    adoption: &Adoption,
) -> Result<LedgerId, Failure> {
    let Some(meta) = ledger::meta(http).await? else { return Err(changed("the ledger is gone")) };
    let before = (&meta.id, &meta.born, &meta.environment);
    if before != (&adoption.ledger, &adoption.before.identity, &adoption.before.environment) {
        return Err(changed("the ledger is not as it was shown any more"));
    }
    let now = Some(server::find(http, server).await?.identity).filter(Identity::is_known);
    if now != adoption.after.identity {
        return Err(changed("the database is not the one that was shown any more"));
    }
    let id = match adoption.how {
        How::Fork => fresh_id()?,
        How::AfterRestore => meta.id.clone(),
    };
    let entries = ledger::entries(http, &meta, project, None).await?;
    let lost = adoption.lost.iter().map(|lost| Loss {
        project: project.to_string(),
        id: lost.to_string(),
        attempt: entries.get(lost).map_or(0, |entry| entry.row.attempt),
    });
    let lost: Vec<Loss> = meta.lost.iter().cloned().chain(lost).collect();
    let message = format!("`adopt --{}`: {}", adoption.how.word(), adoption.reason);
    let stamp = adoption.after.environment.as_ref();
    let next = next(&meta, &id, now.as_ref(), stamp);
    let lost = serde_json::to_string(&lost).map_err(|error| changed(&error.to_string()))?;
    let values =
        [next.as_slice(), &[("lost", lost), ("project", project.to_string()), ("message", message.clone())]].concat();
    write_meta(http, server, &values).await?;
    let event = Event { what: "adopted", run: None, message: &message, finished: false, before: "" };
    Scribe { http, server, project }.write_line(meta.n + 1, &event).await?;
    Ok(id)
}

/// The meta row behind `meta`.
pub(crate) fn next(
    meta: &Meta,
    id: &LedgerId,
    born: Option<&Identity>,
    environment: Option<&EnvironmentName>,
) -> Vec<(&'static str, String)> {
    let lost = serde_json::to_string(&meta.lost).unwrap_or_default();
    let mut values = stamped(id, born, environment);
    values.extend([("n", (meta.n + 1).to_string()), ("lost", lost)]);
    values
}

/// What a meta row says of whose ledger it is.
pub(crate) fn stamped(
    id: &LedgerId,
    born: Option<&Identity>,
    environment: Option<&EnvironmentName>,
) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("ledger", id.to_string()),
        ("protocol", PROTOCOL.to_string()),
        ("environment", environment.map(ToString::to_string).unwrap_or_default()),
    ];
    if let Some(Identity { system, database, timeline }) = born {
        values.extend([
            ("system", system.clone()),
            ("number", database.to_string()),
            ("timeline", timeline.to_string()),
        ]);
    }
    values
}

pub(crate) fn fresh_id() -> Result<LedgerId, Failure> {
    LedgerId::new(&uuid::Uuid::new_v4().to_string()).map_err(|error| changed(&error.to_string()))
}

fn changed(message: &str) -> Failure {
    let hint = "look again, and say it of what is there then".to_owned();
    Failure { hint: Some(hint), ..Failure::new(FailureClass::Estranged, message) }
}
