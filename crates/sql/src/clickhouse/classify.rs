//! What a statement of ClickHouse is, and how to go on after a crash in it.
//!
//! No statement is in a transaction. Some can be run again whatever they have done, of some the catalog tells whether they
//! were done, and of the rest nothing is known here.

use std::ops::Range;

use crate::clickhouse::alter::alter_table;
use crate::clickhouse::cursor::{Cursor, significant};
use crate::clickhouse::effect::{Effect, Thing};
use crate::clickhouse::lexer::{Kind, Token};

/// What is known of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// What it is, for people: `ALTER TABLE … ADD COLUMN`.
    pub what: String,
    /// How to go on after a crash in it.
    pub way: Way,
    /// The cluster on which it runs.
    pub cluster: Option<String>,
    /// The engine of the table that it makes.
    pub engine: Option<String>,
    /// It makes what is gone with its session.
    pub is_temporary: bool,
}

impl Analysis {
    /// What the catalog shows of it.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        match &self.way {
            Way::Effects { effects, .. } => effects,
            Way::Repeat | Way::Unknown => &[],
        }
    }

    /// What an older server may lack for it, by the names that drivers have for that.
    pub fn needs(&self) -> impl Iterator<Item = &'static str> {
        let here = |words: &&(&str, _)| self.what.contains(words.0);
        NEEDS.iter().filter(here).map(|(_, feature)| *feature)
    }
}

/// Words in [`Analysis::what`], and what they need.
const NEEDS: [(&str, &str); 12] = [
    (" INDEX", "skip-indexes"),
    ("RENAME COLUMN", "rename-column"),
    ("EXCHANGE ", "exchange-tables"),
    (" PROJECTION", "projections"),
    ("DELETE FROM", "lightweight-delete"),
    ("GRANT", "access-control"),
    ("REVOKE", "access-control"),
    (" USER", "access-control"),
    (" ROLE", "access-control"),
    (" POLICY", "access-control"),
    (" QUOTA", "access-control"),
    (" PROFILE", "access-control"),
];

/// How to go on after a crash in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The catalog tells.
    Effects {
        /// What holds once it is done.
        effects: Vec<Effect>,
        /// Whether running it again does no harm, whatever of that is there.
        again: bool,
    },
    /// It can be run again.
    Repeat,
    /// Nothing tells.
    Unknown,
}

/// What is found of a statement, but for its cluster.
pub(super) struct Found {
    pub(super) what: String,
    pub(super) way: Way,
}

/// What the statement at `range` is.
pub(crate) fn analyze(text: &str, range: &Range<usize>) -> Analysis {
    let tokens = significant(text, range);
    let mut at = Cursor { tokens: &tokens };
    let cluster = at.cluster();
    let first = at.peek().map_or_else(String::new, |token| token.text.to_uppercase());
    let found = match first.as_str() {
        "CREATE" | "ATTACH" | "REPLACE" => create(at),
        "DROP" | "DETACH" => drop_or_detach(at),
        "ALTER" => alter(text, at),
        "RENAME" => rename(at),
        "UNDROP" => at
            .eat("undrop table")
            .then(|| at.name())
            .flatten()
            .map(|name| effects("UNDROP TABLE", vec![Effect::There(Thing::Table(name))], false)),
        "OPTIMIZE" | "SYSTEM" | "GRANT" | "REVOKE" | "SET" | "USE" | "KILL" | "CHECK" | "SELECT" | "SHOW"
        | "EXPLAIN" | "DESCRIBE" | "DESC" | "EXISTS" => Some(Found { what: words(at), way: Way::Repeat }),
        "WITH" if !at.has("insert") => Some(Found { what: words(at), way: Way::Repeat }),
        _ => None,
    };
    let found = found.unwrap_or_else(|| Found { what: words(at), way: Way::Unknown });
    let engine = at.engine().filter(|_| first == "CREATE");
    let is_temporary = ["create temporary", "create or replace temporary"].iter().any(|words| { at }.eat(words));
    Analysis { what: found.what, way: found.way, cluster, engine, is_temporary }
}

/// The first two words, in capitals, or the first alone where the second is a name.
fn words(at: Cursor<'_, '_>) -> String {
    let words = at.tokens.iter().take_while(|token| token.kind == Kind::Word).take(2);
    let words = words.map(|token| token.text.to_uppercase()).filter(|word| word != "IF" && word != "OR");
    let words: Vec<_> = words.collect();
    let alone = [
        "SELECT", "WITH", "SET", "USE", "GRANT", "REVOKE", "QUOTA", "TRUNCATE", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN",
    ];
    let count = if words.first().is_some_and(|word| alone.contains(&word.as_str())) { 1 } else { 2 };
    words[..words.len().min(count)].join(" ")
}

fn effects(what: impl Into<String>, effects: Vec<Effect>, again: bool) -> Found {
    Found { what: what.into(), way: Way::Effects { effects, again } }
}

fn create(mut at: Cursor<'_, '_>) -> Option<Found> {
    let verb = at.eat_any(&["create", "attach", "replace"])?.to_uppercase();
    let replaces = at.eat("or replace") || verb == "REPLACE";
    at.eat_any(&["temporary", "normal", "live", "window"]);
    let kind = at.eat_any(&[
        "table",
        "materialized view",
        "view",
        "dictionary",
        "database",
        "function",
        "user",
        "role",
        "unique index",
        "index",
    ]);
    let Some(kind) = kind else {
        // Policies, quotas, profiles, collections: nothing asks for them by name.
        let again = replaces || at.has("if not exists") || at.has("or replace");
        return Some(Found {
            what: format!("{verb} {}", words(at)).trim_end().to_owned(),
            way: if again { Way::Repeat } else { Way::Unknown },
        });
    };
    let again = at.eat("if not exists") || at.eat("or replace") || replaces;
    let what = format!("{verb} {}", kind.to_uppercase());
    let things = match kind {
        "database" => vec![Thing::Database(at.ident()?)],
        "function" => vec![Thing::Function(at.ident()?)],
        "user" => each(&mut at, Thing::User)?,
        "role" => each(&mut at, Thing::Role)?,
        "index" | "unique index" => {
            let name = at.ident()?;
            at.eat("on").then_some(())?;
            vec![Thing::Index(at.name()?, name)]
        }
        _ => vec![Thing::Table(at.name()?)],
    };
    if verb != "ATTACH" && fills(kind, at) {
        // Its table is there before all of its rows are: only what is made anew as a whole can be made again.
        let way = if replaces { Way::Repeat } else { Way::Unknown };
        return Some(Found {
            what: format!("{what} … {}", if kind == "table" { "AS SELECT" } else { "POPULATE" }),
            way,
        });
    }
    Some(effects(what, things.into_iter().map(Effect::There).collect(), again))
}

/// Several names, parted by commas; none where one has a host of its own.
fn each(at: &mut Cursor<'_, '_>, thing: fn(String) -> Thing) -> Option<Vec<Thing>> {
    let mut things = vec![thing(at.ident()?)];
    while at.eat_kind(Kind::Comma) {
        things.push(thing(at.ident()?));
    }
    let hosted = at.peek().is_some_and(|token| token.text == "@");
    (!hosted).then_some(things)
}

/// Does it put rows into what it makes?
fn fills(kind: &str, at: Cursor<'_, '_>) -> bool {
    match kind {
        "materialized view" => at.has("populate"),
        "table" if at.has("empty as") => false,
        "table" => {
            let selects = |pair: &[Token<'_>]| matches!(pair, [first, second] if first.is("as") && is_query(second));
            at.tokens.windows(2).any(selects) || at.has("clone as")
        }
        _ => false,
    }
}

/// Also a parenthesis, as in `AS (SELECT …)`; what else has one behind `AS` is called unknown for it, which is no harm.
fn is_query(token: &Token<'_>) -> bool {
    token.is("select") || token.is("with") || token.kind == Kind::Open
}

fn drop_or_detach(mut at: Cursor<'_, '_>) -> Option<Found> {
    let verb = at.eat_any(&["drop", "detach"])?.to_uppercase();
    at.eat("temporary");
    let kind = at.eat_any(&["table", "view", "dictionary", "database", "function", "user", "role", "index"]);
    let Some(kind) = kind else {
        let way = if at.has("if exists") { Way::Repeat } else { Way::Unknown };
        return Some(Found { what: format!("{verb} {}", words(at)), way });
    };
    let guarded = at.eat("if exists");
    at.eat("if empty");
    let what = format!("{verb} {}", kind.to_uppercase());
    let things = match kind {
        "database" => vec![Thing::Database(at.ident()?)],
        "function" => vec![Thing::Function(at.ident()?)],
        "user" => each(&mut at, Thing::User)?,
        "role" => each(&mut at, Thing::Role)?,
        "index" => {
            let name = at.ident()?;
            at.eat("on").then_some(())?;
            vec![Thing::Index(at.name()?, name)]
        }
        _ => {
            let mut things = vec![Thing::Table(at.name()?)];
            while at.eat_kind(Kind::Comma) {
                things.push(Thing::Table(at.name()?));
            }
            things
        }
    };
    Some(effects(what, things.into_iter().map(Effect::Gone).collect(), guarded))
}

fn alter(text: &str, mut at: Cursor<'_, '_>) -> Option<Found> {
    at.eat("alter");
    at.eat("temporary");
    if !at.eat("table") {
        // Settings of databases, users, quotas and the like: what is set can be set again, what is renamed cannot.
        let way = if at.has("rename to") { Way::Unknown } else { Way::Repeat };
        return Some(Found { what: format!("ALTER {}", words(at).split(' ').next().unwrap_or_default()), way });
    }
    at.eat("if exists");
    let table = at.name()?;
    if at.eat("on cluster") {
        at.advance();
    }
    Some(alter_table(text, &table, at))
}

/// What several renamings leave: names that were not there before the first, and those that are not there after the last.
fn rename(mut at: Cursor<'_, '_>) -> Option<Found> {
    at.eat("rename");
    let kind = at.eat_any(&["table", "dictionary", "database"])?;
    let what = format!("RENAME {}", kind.to_uppercase());
    let thing = |at: &mut Cursor<'_, '_>| match kind {
        "database" => at.ident().map(Thing::Database),
        _ => at.name().map(Thing::Table),
    };
    let (mut before, mut after): (Vec<Thing>, Vec<Thing>) = (Vec::new(), Vec::new());
    loop {
        at.eat("if exists");
        let from = thing(&mut at)?;
        at.eat("to").then_some(())?;
        match after.iter().position(|it| *it == from) {
            Some(passing) => drop(after.remove(passing)),
            None => before.push(from),
        }
        after.push(thing(&mut at)?);
        if !at.eat_kind(Kind::Comma) {
            break;
        }
    }
    let there = after.iter().filter(|it| !before.contains(it)).cloned().map(Effect::There);
    let gone = before.iter().filter(|it| !after.contains(it)).cloned().map(Effect::Gone);
    let found: Vec<_> = there.chain(gone).collect();
    // Where all names are there before and after, as when two change places, nothing is seen.
    if found.is_empty() {
        return Some(Found { what, way: Way::Unknown });
    }
    Some(effects(what, found, false))
}
