//! Which database the ledger says it belongs to: kept up to date by each run, changed by a person where it is another one
//! (PROTOCOL.md, "Identity").

use dunlin_planner::{
    Adoption, Belonging, EnvironmentName, Failure, FailureClass, How, Identity, Kinship, LedgerId, ProjectName,
};
use serde_json::json;
use tokio_postgres::Client;

use crate::connect::Connector;
use crate::inspect::{execute, identity};
use crate::ledger::Meta;
use crate::rows::one_row;
use crate::{bootstrap, messages, roles, sql};

/// Refuses a ledger that was made in another database; writes down where it is, where that was not known or its timeline
/// grew.
pub(crate) async fn recognise(client: &Client, connector: &Connector, meta: &Meta) -> Result<(), Failure> {
    let now = identity(client, connector).await?;
    let kinship = now.recognise(meta.born.as_ref())?;
    let unknown = meta.born.is_none() && now.is_known();
    if unknown || kinship == Kinship::Later {
        execute(client, &format!("UPDATE dunlin.meta SET {}", belongs_to(Some(&now)))).await?;
    }
    match meta.born.as_ref().filter(|_| kinship == Kinship::Later) {
        Some(born) => tell(client, born, &now).await,
        None => Ok(()),
    }
}

/// A line in the log of every project that has rows here.
async fn tell(client: &Client, born: &Identity, now: &Identity) -> Result<(), Failure> {
    let message = format!("timeline {} after {}: {}", now.timeline, born.timeline, Kinship::Later.cause());
    let detail = sql::json(&json!({"message": message, "tool": messages::TOOL}));
    let text = format!(
        "INSERT INTO dunlin.event (project, what, detail) SELECT DISTINCT project, 'timeline', {detail} FROM dunlin.ledger"
    );
    execute(client, &text).await
}

fn belongs_to(identity: Option<&Identity>) -> String {
    match identity {
        Some(Identity { system, database, timeline }) => {
            format!("sysid = {}, dboid = {database}, timeline = {timeline}", sql::text(system))
        }
        None => "sysid = '', dboid = (SELECT oid FROM pg_database WHERE datname = current_database()), timeline = 0"
            .to_owned(),
    }
}

/// Gives the ledger the identity that `adoption` says, if it is still the one that was shown.
pub(crate) async fn adopt(
    connector: &Connector,
    project: &ProjectName,
    adoption: &Adoption,
) -> Result<LedgerId, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    let meta = bootstrap::begin(client).await?.ok_or_else(|| estranged("the ledger is gone"))?;
    let environment = &adoption.before.environment;
    if (&meta.id, &meta.born, &meta.environment) != (&adoption.ledger, &adoption.before.identity, environment) {
        return Err(estranged("the ledger is not as it was shown any more"));
    }
    let now = Some(identity(client, connector).await?).filter(Identity::is_known);
    if now != adoption.after.identity {
        return Err(estranged("the database is not the one that was shown any more"));
    }
    bootstrap::upgrade(client, meta.protocol).await?;
    roles::may_repair(client).await?;
    let id = match adoption.how {
        How::Fork => fork(client, &meta.id).await?,
        How::AfterRestore => meta.id,
    };
    let Belonging { identity, environment } = &adoption.after;
    let stamped = environment.as_ref().map(EnvironmentName::as_str).map_or_else(|| "NULL".to_owned(), sql::text);
    let text = format!(
        "UPDATE dunlin.meta SET {}, environment = {stamped}; \
         INSERT INTO dunlin.event (project, what, detail) VALUES ({}, 'adopted', {}); COMMIT",
        belongs_to(identity.as_ref()),
        sql::text(project.as_str()),
        sql::json(&detail(adoption, &id)),
    );
    execute(client, &text).await?;
    connection.give_back();
    Ok(id)
}

/// A new identity, also for the rows here that need rows here.
async fn fork(client: &Client, old: &LedgerId) -> Result<LedgerId, Failure> {
    let row = one_row(client, "SELECT gen_random_uuid() AS id").await?;
    let new = LedgerId::new(row.get("id").unwrap_or_default()).map_err(|error| estranged(&error.to_string()))?;
    let (was, is) = (sql::text(old.as_str()), sql::text(new.as_str()));
    let text = format!(
        "UPDATE dunlin.meta SET ledger_id = ({is})::uuid; UPDATE dunlin.ledger SET deps = (SELECT jsonb_agg(CASE WHEN one ->> 'ledger' = {was} \
         THEN jsonb_set(one, '{{ledger}}', to_jsonb({is})) ELSE one END ORDER BY place) FROM jsonb_array_elements(deps) WITH ORDINALITY AS t(one, place)) \
         WHERE deps @> jsonb_build_array(jsonb_build_object('ledger', {was}))"
    );
    execute(client, &text).await?;
    Ok(new)
}

fn detail(adoption: &Adoption, id: &LedgerId) -> serde_json::Value {
    let Adoption { how, reason, ledger, before, after, lost, .. } = adoption;
    let lost: Vec<_> = lost.iter().map(ToString::to_string).collect();
    json!({
        "message": format!("`adopt --{}`: {reason}", how.word()),
        "how": how.word(),
        "reason": reason,
        "before": {"ledger": ledger, "belongs": before},
        "after": {"ledger": id, "belongs": after},
        "lost": lost,
        "tool": messages::TOOL,
    })
}

fn estranged(message: &str) -> Failure {
    let hint = Some("look again, and adopt what is there then".to_owned());
    Failure { hint, ..Failure::new(FailureClass::Estranged, message) }
}
