//! The commands of an `ALTER TABLE`.

use crate::clickhouse::classify::{Found, Way};
use crate::clickhouse::cursor::Cursor;
use crate::clickhouse::effect::{Effect, Thing};
use crate::clickhouse::lexer::{Kind, Token};
use crate::name::QualifiedName;

const VERBS: [&str; 21] = [
    "add",
    "drop",
    "clear",
    "modify",
    "alter",
    "rename",
    "comment",
    "materialize",
    "update",
    "delete",
    "attach",
    "detach",
    "freeze",
    "unfreeze",
    "fetch",
    "move",
    "replace",
    "reset",
    "remove",
    "apply",
    "forget",
];

/// What one command does.
enum Command {
    /// Something that the catalog shows; true where it is guarded by IF EXISTS or IF NOT EXISTS.
    Shown(Vec<Effect>, bool),
    /// Again is as good as once.
    Repeat,
    Unknown,
}

/// What stands behind `ALTER TABLE name [ON CLUSTER …]`; `text` is the whole script.
pub(super) fn alter_table(text: &str, table: &QualifiedName, rest: Cursor<'_, '_>) -> Found {
    let (mut names, mut plain, mut guarded) = (Vec::new(), Vec::new(), Vec::new());
    let mut unknown = false;
    for tokens in commands(rest.tokens) {
        let (name, command) = command(text, table, Cursor { tokens });
        if !names.contains(&name) {
            names.push(name);
        }
        match command {
            Command::Shown(effects, true) => guarded.extend(effects),
            Command::Shown(effects, false) => plain.extend(effects),
            Command::Repeat => {}
            Command::Unknown => unknown = true,
        }
    }
    // What goes and comes under one name is there before and after.
    let turns = plain.iter().chain(&guarded).any(|effect| match effect {
        Effect::There(thing) => plain.iter().chain(&guarded).any(|other| *other == Effect::Gone(thing.clone())),
        Effect::Gone(_) | Effect::Mutated { .. } => false,
    });
    let way = match (unknown || turns, plain.is_empty(), guarded.is_empty()) {
        (true, ..) => Way::Unknown,
        // Those with a guard pass beside the others, whatever was there before.
        (_, false, _) => Way::Effects { effects: plain, again: false },
        (_, true, false) => Way::Effects { effects: guarded, again: true },
        (_, true, true) => Way::Repeat,
    };
    Found { what: format!("ALTER TABLE … {}", names.join(", ")), way }
}

/// The commands, parted by commas; a comma within one is not followed by a verb, or by a verb that is a column's name.
fn commands<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Comma if depth == 0 && begins(&tokens[at + 1..]) => {
                found.push(inside(&tokens[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(inside(&tokens[start..]));
    found
}

fn begins(tokens: &[Token<'_>]) -> bool {
    let (first, second) = (tokens.first(), tokens.get(1));
    let assigned = second.is_some_and(|token| token.text == "=");
    match first {
        Some(token) if token.kind == Kind::Open => begins(&tokens[1..]),
        Some(token) => !assigned && VERBS.iter().any(|verb| token.is(verb)),
        None => false,
    }
}

/// A command without the parentheses that it may stand in.
fn inside<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    match tokens {
        [open, inner @ .., close] if open.kind == Kind::Open && close.kind == Kind::Close => inner,
        _ => tokens,
    }
}

fn command(text: &str, table: &QualifiedName, mut at: Cursor<'_, '_>) -> (String, Command) {
    let whole = at;
    let verb = at.advance().map_or_else(String::new, |token| token.text.to_uppercase());
    let object = at.peek().filter(|token| token.kind == Kind::Word).map(|token| token.text.to_uppercase());
    let command = match verb.as_str() {
        "ADD" | "DROP" => add_or_drop(&verb, table, at),
        "RENAME" => rename(table, at),
        "MODIFY" => modify(at),
        "COMMENT" | "ALTER" | "MATERIALIZE" | "APPLY" | "FREEZE" | "UNFREEZE" | "RESET" => Some(Command::Repeat),
        "UPDATE" | "DELETE" => {
            let command = written(text, whole.tokens);
            Some(Command::Shown(vec![Effect::Mutated { table: table.clone(), command }], false))
        }
        "CLEAR" if matches!(object.as_deref(), Some("INDEX" | "PROJECTION")) => Some(Command::Repeat),
        _ => None,
    };
    let named = match verb.as_str() {
        "UPDATE" | "DELETE" => verb,
        _ => object.map_or_else(|| verb.clone(), |object| format!("{verb} {object}")),
    };
    (named, command.unwrap_or(Command::Unknown))
}

fn written(text: &str, tokens: &[Token<'_>]) -> String {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => text[first.range.start..last.range.end].to_owned(),
        _ => String::new(),
    }
}

fn add_or_drop(verb: &str, table: &QualifiedName, mut at: Cursor<'_, '_>) -> Option<Command> {
    let adds = verb == "ADD";
    let kind = at.eat_any(&["column", "index", "projection", "constraint", "detached"])?;
    if kind == "detached" {
        return (!adds).then_some(Command::Repeat);
    }
    let guarded = if adds { at.eat("if not exists") } else { at.eat("if exists") };
    let (name, table) = (if kind == "column" { at.dotted()? } else { at.ident()? }, table.clone());
    let thing = match kind {
        "column" => Thing::Column(table, name),
        "index" => Thing::Index(table, name),
        "projection" => Thing::Projection(table, name),
        _ => Thing::Constraint(table, name),
    };
    Some(Command::Shown(vec![if adds { Effect::There(thing) } else { Effect::Gone(thing) }], guarded))
}

fn rename(table: &QualifiedName, mut at: Cursor<'_, '_>) -> Option<Command> {
    at.eat("column").then_some(())?;
    let guarded = at.eat("if exists");
    let from = at.dotted()?;
    at.eat("to").then_some(())?;
    let to = at.dotted()?;
    let column = |name| Thing::Column(table.clone(), name);
    Some(Command::Shown(vec![Effect::Gone(column(from)), Effect::There(column(to))], guarded))
}

/// What is set to a value can be set again; what is taken off cannot be taken off again.
fn modify(at: Cursor<'_, '_>) -> Option<Command> {
    let mut column = at;
    let removes = column.eat("column") && {
        column.eat("if exists");
        column.dotted().is_some() && column.eat("remove")
    };
    (!removes).then_some(Command::Repeat)
}
