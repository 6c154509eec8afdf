//! Looking at the catalog for what a statement leaves behind.
//!
//! All effects of a statement are asked for in one query, so that they are of one moment. With `ON CLUSTER` every replica is
//! asked ([`Catalog`]). A mutation is told from others by what its table had before it; without that record none is ours.

use std::time::Duration;

use dunlin_planner::{Body, Effect, Failure, FailureClass, Probe, ProbeFact, QualifiedName, StatementClass, Thing};
use tokio::time::{Instant, sleep};

use crate::http::{Ask, Http};
use crate::ledger::Pre;
use crate::mutations;
use crate::replicas::{Catalog, LAG};
use crate::rows::number;
use crate::server::Server;
use crate::sql;

/// What is known of a statement's effects.
enum Holds {
    /// Of each, whether it is there; none of one that is on some replicas only.
    Each(Vec<Option<bool>>),
    /// One of them decides.
    Fact(ProbeFact),
}

/// Where and how is looked.
pub(crate) struct Eyes<'a> {
    pub(crate) http: &'a Http,
    pub(crate) server: &'a Server,
    /// The database of names without one.
    pub(crate) database: &'a str,
}

impl Eyes<'_> {
    /// What the catalog shows of the statement at `index`; `pre` is what stands on record of it, where it was begun.
    pub(crate) async fn look(&self, body: &Body, index: usize, pre: Option<&Pre>) -> Result<ProbeFact, Failure> {
        let StatementClass::Alone { probe, .. } = &body.statements[index].class else { return Ok(ProbeFact::Unknown) };
        if let Some(fact) = probe.settled() {
            return Ok(fact);
        }
        match probe {
            Probe::Effects { effects, again, cluster } => self.effects(effects, *again, cluster.as_deref(), pre).await,
            Probe::DatabaseThere(name) => {
                self.effects(&[Effect::There(Thing::Database(name.clone()))], false, None, pre).await
            }
            Probe::DatabaseGone(name) => {
                self.effects(&[Effect::Gone(Thing::Database(name.clone()))], false, None, pre).await
            }
            Probe::Query(query) => self.query(query).await,
            // Statements of other databases.
            _ => Ok(ProbeFact::Unknown),
        }
    }

    async fn query(&self, query: &str) -> Result<ProbeFact, Failure> {
        let ask =
            Ask::own(query).param("readonly", "1").param("default_format", "TSV").param("database", self.database);
        let answer = self.http.ask(ask).await?;
        let first = answer.lines().next().and_then(|line| line.split('\t').next()).unwrap_or_default();
        Ok(if matches!(first.trim(), "1" | "true") { ProbeFact::Done } else { ProbeFact::Absent })
    }

    async fn effects(
        &self,
        effects: &[Effect],
        again: bool,
        cluster: Option<&str>,
        pre: Option<&Pre>,
    ) -> Result<ProbeFact, Failure> {
        let catalog = Catalog::of(self.http, self.server, cluster).await?;
        let deadline = Instant::now() + LAG;
        loop {
            let holds = match self.holds(effects, &catalog, pre).await? {
                Holds::Each(holds) => holds,
                Holds::Fact(fact) => return Ok(fact),
            };
            // What was begun is on its way to the others; what was not begun is nobody's.
            let lags = pre.is_some() && holds.contains(&None);
            if lags && Instant::now() < deadline {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            return match (holds.iter().all(|hold| *hold == Some(true)), holds.iter().all(|hold| *hold == Some(false))) {
                (true, _) => Ok(ProbeFact::Done),
                (_, true) => Ok(ProbeFact::Absent),
                _ if again => Ok(ProbeFact::Absent),
                _ if lags => Err(catalog.lags()),
                _ => Ok(ProbeFact::Unknown),
            };
        }
    }

    async fn holds(&self, effects: &[Effect], catalog: &Catalog, pre: Option<&Pre>) -> Result<Holds, Failure> {
        let mut holds = Vec::new();
        let named: Vec<_> = effects.iter().filter(|effect| !matches!(effect, Effect::Mutated { .. })).collect();
        if !named.is_empty() {
            match self.named(&named, catalog).await? {
                Some(found) => holds.extend(found),
                None => return Ok(Holds::Fact(ProbeFact::Unknown)),
            }
        }
        for effect in effects {
            let Effect::Mutated { table, command } = effect else { continue };
            let known = pre.map(|pre| pre.mutations.as_slice());
            match mutations::find(self, catalog, (self.place(table), command), known).await? {
                mutations::Found::None => holds.push(Some(false)),
                mutations::Found::Done => holds.push(Some(true)),
                mutations::Found::Partly => holds.push(None),
                mutations::Found::Unclear => return Ok(Holds::Fact(ProbeFact::Unknown)),
                mutations::Found::Failing(what) => return Ok(Holds::Fact(ProbeFact::Other { what })),
            }
        }
        Ok(Holds::Each(holds))
    }

    /// Whether each holds, everywhere or nowhere; none of one that holds on some replicas only. None at all where this server does
    /// not list such things.
    async fn named(&self, effects: &[&Effect], catalog: &Catalog) -> Result<Option<Vec<Option<bool>>>, Failure> {
        let mut columns = Vec::new();
        for (index, effect) in effects.iter().enumerate() {
            let (Effect::There(thing) | Effect::Gone(thing)) = effect else { continue };
            let Some((table, condition)) = self.listed(thing) else { return Ok(None) };
            columns.push(format!("(SELECT count() FROM {} WHERE {condition}) AS e{index}", catalog.table(table)));
        }
        let query = format!("SELECT {} FORMAT JSONEachRow", columns.join(", "));
        let silent = || Failure::new(FailureClass::Unknown, "the server's answer has no row");
        let row = catalog.ask(self.http, query).await?.into_iter().next().ok_or_else(silent)?;
        let hold = |(index, effect): (usize, &&Effect)| {
            let count: u64 = number(&row, &format!("e{index}"));
            let there = match count {
                0 => Some(false),
                count if count >= catalog.count() => Some(true),
                _ => None,
            };
            if matches!(effect, Effect::Gone(_)) { there.map(|there| !there) } else { there }
        };
        Ok(Some(effects.iter().enumerate().map(hold).collect()))
    }

    /// The table of the catalog that lists such a thing, and what picks this one.
    fn listed(&self, thing: &Thing) -> Option<(&'static str, String)> {
        let named = |name: &str| format!("name = {}", sql::text(name));
        let of_table = |table: &QualifiedName, column: &str| {
            let (database, table) = self.place(table);
            format!("database = {} AND {column} = {}", sql::text(database), sql::text(table))
        };
        Some(match thing {
            Thing::Database(name) => ("system.databases", named(name)),
            Thing::Table(table) => ("system.tables", of_table(table, "name")),
            Thing::Column { table, name } => {
                ("system.columns", format!("{} AND {}", of_table(table, "table"), named(name)))
            }
            Thing::Index { table, name } if self.server.version >= 200_800 => {
                ("system.data_skipping_indices", format!("{} AND {}", of_table(table, "table"), named(name)))
            }
            Thing::Index { table, name } => ("system.tables", self.in_text(table, "INDEX", name)),
            Thing::Projection { table, name } => ("system.tables", self.in_text(table, "PROJECTION", name)),
            Thing::Constraint { table, name } => ("system.tables", self.in_text(table, "CONSTRAINT", name)),
            Thing::Function(name) if self.server.version >= 211_000 => ("system.functions", named(name)),
            Thing::User(name) if self.server.version >= 200_500 => ("system.users", named(name)),
            Thing::Role(name) if self.server.version >= 200_500 => ("system.roles", named(name)),
            Thing::Function(_) | Thing::User(_) | Thing::Role(_) => return None,
        })
    }

    /// What only the table's own statement tells, as the server writes it.
    fn in_text(&self, table: &QualifiedName, word: &str, name: &str) -> String {
        let (database, table) = self.place(table);
        let (bare, quoted) = (format!("{word} {name} "), format!("{word} {} ", sql::identifier(name)));
        format!(
            "database = {} AND name = {} AND (position(create_table_query, {}) > 0 OR position(create_table_query, {}) > 0)",
            sql::text(database),
            sql::text(table),
            sql::text(&bare),
            sql::text(&quoted)
        )
    }

    pub(crate) fn place<'n>(&'n self, name: &'n QualifiedName) -> (&'n str, &'n str) {
        (name.schema.as_deref().unwrap_or(self.database), &name.name)
    }
}

/// The cluster on which a statement runs.
pub(crate) fn cluster(body: &Body, index: usize) -> Option<&str> {
    match &body.statements[index].class {
        StatementClass::Alone { probe: Probe::Effects { cluster, .. }, .. } => cluster.as_deref(),
        _ => None,
    }
}

/// The tables whose rows a statement rewrites, with the commands.
pub(crate) fn mutated(body: &Body, index: usize) -> Vec<(&QualifiedName, &str)> {
    let StatementClass::Alone { probe: Probe::Effects { effects, .. }, .. } = &body.statements[index].class else {
        return Vec::new();
    };
    let mutated = effects.iter().filter_map(|effect| match effect {
        Effect::Mutated { table, command } => Some((table, command.as_str())),
        _ => None,
    });
    mutated.collect()
}
