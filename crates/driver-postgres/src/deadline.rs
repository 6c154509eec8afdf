//! What becomes of paused jobs on the server alone: waiting until those under way are over, and resuming them should no run
//! ever come back.
//!
//! The server watches by a job of its own, which is made with the first pause and goes with the last resumption. It resumes
//! after a deadline what a run owes that shows no sign of life, and takes itself away when nothing is owed any more, or when
//! there is no ledger.

use std::time::{Duration, Instant};

use dunlin_driver::UnderWay;
use dunlin_planner::{Failure, Pausable};

use crate::connect::Connector;
use crate::flavor::Pausing;
use crate::inspect::{BEGIN, execute};
use crate::rows::{field, one_row, rows, truth};
use crate::{failure, sql};

/// A scheduler that has begun its round may start a job that was paused meanwhile; its rounds are shorter than this.
const ROUND: Duration = Duration::from_millis(2500);

/// What of `what` is under way; where it was paused, once nothing of it can begin any more.
pub(crate) async fn under_way(
    connector: &Connector,
    pausing: Pausing,
    what: &[Pausable],
    paused: bool,
) -> Result<Vec<UnderWay>, Failure> {
    let keys: Vec<_> = what.iter().map(|one| one.key.to_string()).collect();
    let fill = |query: &str| query.replace("$1", &keys.join(", "));
    let (began, mut soon) = (Instant::now(), (!paused).then_some(false));
    loop {
        let connection = connector.connect().await?;
        let client = connection.client();
        execute(client, BEGIN).await?;
        execute(client, "SET LOCAL row_security = on").await?;
        let first = match soon {
            Some(soon) => soon,
            None => truth(&one_row(client, &fill(pausing.soon)).await?, "soon"),
        };
        soon = Some(first);
        let found = rows(client, &fill(pausing.busy)).await.map_err(|error| failure::of(&error))?;
        execute(client, "ROLLBACK").await?;
        connection.give_back();
        let busy = found.iter().map(|row| {
            let key: u64 = field(row, "key")?;
            let name = what.iter().find(|one| one.key == key).map(|one| one.what.clone()).unwrap_or_default();
            Ok(UnderWay {
                what: name,
                pid: row.get("pid").and_then(|pid| pid.parse().ok()),
                seconds: field(row, "seconds")?,
            })
        });
        let busy: Vec<_> = busy.collect::<Result<_, Failure>>()?;
        if !busy.is_empty() || !first || began.elapsed() >= ROUND {
            return Ok(busy);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Lets the server watch over what was paused.
pub(crate) fn watch(pausing: Pausing, deadline: Duration) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let command = WATCH
        .replace("{seconds}", &deadline.as_secs().to_string())
        .replace("{pause}", &sql::PAUSE_CLASS.to_string())
        .replace("{run}", &sql::RUN_CLASS.cast_unsigned().to_string())
        .replace("{resume}", &text(pausing.resume))
        .replace("{unwatch}", &text(pausing.unwatch));
    pausing.watch.replace("$1", &sql::text(&command))
}

/// Nothing out of the ledger is run: a row only says which number is put into the query that resumes.
const WATCH: &str = r"DO $dunlin$
DECLARE owed record; number text;
BEGIN
  IF pg_catalog.to_regclass('dunlin.obligation') IS NULL THEN
    EXECUTE {unwatch};
    RETURN;
  END IF;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  PERFORM pg_advisory_xact_lock({pause}, 0);
  FOR owed IN SELECT o.seq, o.project, o.run_id, o.what, o.undo_sql FROM dunlin.obligation o
    WHERE o.done IS NULL AND o.since < clock_timestamp() - make_interval(secs => {seconds})
    AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {run}::oid
      AND l.objid = ('x' || encode(substring(sha256(convert_to(o.run_id::text, 'UTF8')) FROM 1 FOR 4), 'hex'))::bit(32)::int8::oid
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY o.seq
  LOOP
    number := substring(owed.undo_sql FROM '[0-9]+$');
    CONTINUE WHEN number IS NULL OR owed.undo_sql <> replace({resume}, '$1', number);
    UPDATE dunlin.obligation SET done = clock_timestamp() WHERE seq = owed.seq AND done IS NULL;
    IF NOT EXISTS (SELECT FROM dunlin.obligation WHERE done IS NULL AND undo_sql = owed.undo_sql) THEN
      EXECUTE replace({resume}, '$1', number);
      INSERT INTO dunlin.event (project, run_id, what, detail) VALUES (owed.project, owed.run_id, 'resumed',
        jsonb_build_object('message', owed.what || ', by the server itself: its run did not come back'));
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM dunlin.obligation WHERE done IS NULL) THEN
    EXECUTE {unwatch};
  END IF;
END $dunlin$";
