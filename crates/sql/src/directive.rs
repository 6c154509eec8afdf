//! The exact directives: `-- dunlin: NAME ARGUMENTS`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use squawk_lexer::TokenKind;

use crate::headers::{Headers, Placed, names};
use crate::lexer::Lexer;
use crate::name::QualifiedName;

/// A batch is one transaction and should be a short one.
const MOST_ROWS: u64 = 100_000;

/// Every directive's name, for suggestions.
const NAMES: [&str; 12] = [
    "depends",
    "phase",
    "gate",
    "transaction",
    "lock_timeout",
    "timeout",
    "role",
    "search_path",
    "probe",
    "refresh",
    "batch",
    "allow",
];

/// How a data migration is cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The table whose rows are walked.
    pub table: QualifiedName,
    /// The columns that order them, folded as PostgreSQL folds names.
    pub key: Vec<String>,
    /// Rows in the first batch.
    pub size: u64,
    /// How long a batch is to take.
    pub time: Option<Limit>,
    /// How far a replica may lag behind.
    pub lag: Option<Limit>,
    /// How old the oldest transaction may be.
    pub age: Option<Limit>,
}

/// A continuous aggregate that is refreshed when the migration is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// The aggregate.
    pub name: QualifiedName,
    /// From when on, as a literal without quotes; from the beginning, where none is given.
    pub from: Option<String>,
    /// Until when.
    pub to: Option<String>,
}

/// A duration that something is held to, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Off,
    /// This one.
    At(Duration),
}

/// A lint rule that does not apply to this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The rule's code.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// A directive that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No directive has this name.
    #[error("unknown directive `{name}`")]
    Unknown {
        /// As written.
        name: String,
        /// The name that was probably meant.
        suggestion: Option<String>,
        /// The name.
        range: Range<usize>,
    },
    /// A directive whose arguments make no sense.
    #[error("`{name}` needs {needs}")]
    Invalid {
        /// The directive.
        name: String,
        /// What its arguments look like.
        needs: &'static str,
        /// The directive with its arguments.
        range: Range<usize>,
    },
    /// A directive that may stand once stands twice.
    #[error("`{name}` is given twice")]
    Repeated {
        /// The directive.
        name: String,
        /// The second one.
        range: Range<usize>,
    },
}

impl HeaderError {
    /// The place to point at.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Unknown { range, .. } | Self::Invalid { range, .. } | Self::Repeated { range, .. } => range.clone(),
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { suggestion, .. } => suggestion.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::Invalid { .. } => None,
            Self::Repeated { .. } => Some("remove one of them".to_owned()),
        }
    }
}

/// The known name nearest to a misspelt one.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|it| (strsim::damerau_levenshtein(name, it), it))
        .filter(|(distance, it)| *distance <= 1 + it.len() / 4)
        .min()
        .map(|(_, it)| it.to_owned())
}

/// Reads what stands behind `dunlin:` into `headers`.
pub(crate) fn read(text: &Placed<String>, headers: &mut Headers) -> Result<(), HeaderError> {
    let (name, rest) = match text.value.split_once(char::is_whitespace) {
        Some((name, rest)) => (name, rest.trim_start()),
        None => (text.value.as_str(), ""),
    };
    let arguments = Arguments {
        name,
        whole: text.range.clone(),
        text: Placed { value: rest.to_owned(), range: text.range.end - rest.len()..text.range.end },
    };
    match name {
        "depends" => arguments.list("the ids of migrations", &mut headers.depends),
        "phase" => {
            let needs = "`expand`, `data` or `contract`";
            let phase = arguments.parse(needs, |text| text.parse().ok())?;
            arguments.once(phase, &mut headers.phase)
        }
        "gate" => {
            let gate = arguments.word("the name of a gate")?;
            headers.gates.push(arguments.placed(gate));
            Ok(())
        }
        "transaction" => {
            arguments.parse("`none`", |text| (text == "none").then_some(()))?;
            arguments.once((), &mut headers.no_transaction)
        }
        "lock_timeout" => arguments.duration(&mut headers.lock_timeout),
        "timeout" => arguments.duration(&mut headers.timeout),
        "role" => {
            let role = arguments.word("the name of a role")?;
            arguments.once(role, &mut headers.role)
        }
        "search_path" => {
            let path = arguments.text("the names of schemas")?;
            arguments.once(path, &mut headers.search_path)
        }
        "probe" => {
            let query = arguments.parse("a query", probe)?;
            headers.probes.push(arguments.placed(query));
            Ok(())
        }
        "refresh" => {
            let refreshed = arguments.parse("`AGGREGATE, …`, and may have `from START to END`", refresh)?;
            headers.refresh.extend(refreshed.into_iter().map(|one| arguments.placed(one)));
            Ok(())
        }
        "batch" => {
            let batch = arguments.parse("`table=… key=… size=…`, and may have `time=… lag=… age=…`", batch)?;
            arguments.once(batch, &mut headers.batch)
        }
        "allow" => {
            let allow = arguments.parse("`RULE because REASON`", allow)?;
            headers.allows.push(arguments.placed(allow));
            Ok(())
        }
        _ => Err(HeaderError::Unknown {
            name: name.to_owned(),
            suggestion: nearest(name, NAMES.into_iter()),
            range: text.range.start..text.range.start + name.len(),
        }),
    }
}

struct Arguments<'a> {
    name: &'a str,
    whole: Range<usize>,
    text: Placed<String>,
}

impl Arguments<'_> {
    fn invalid(&self, needs: &'static str) -> HeaderError {
        HeaderError::Invalid { name: self.name.to_owned(), needs, range: self.whole.clone() }
    }

    fn placed<T>(&self, value: T) -> Placed<T> {
        Placed { value, range: self.text.range.clone() }
    }

    fn parse<T>(&self, needs: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, HeaderError> {
        parse(&self.text.value).ok_or_else(|| self.invalid(needs))
    }

    fn text(&self, needs: &'static str) -> Result<String, HeaderError> {
        self.parse(needs, |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    fn word(&self, needs: &'static str) -> Result<String, HeaderError> {
        self.parse(needs, |text| {
            let one = !text.is_empty() && !text.contains(char::is_whitespace);
            one.then(|| text.to_owned())
        })
    }

    fn list(&self, needs: &'static str, into: &mut Vec<Placed<String>>) -> Result<(), HeaderError> {
        let names = names(&self.text);
        if names.is_empty() {
            return Err(self.invalid(needs));
        }
        into.extend(names);
        Ok(())
    }

    fn duration(&self, into: &mut Option<Placed<Duration>>) -> Result<(), HeaderError> {
        let needs = "a duration with its unit, like `500ms`, `2s` or `10min`";
        self.once(self.parse(needs, duration)?, into)
    }

    fn once<T>(&self, value: T, into: &mut Option<Placed<T>>) -> Result<(), HeaderError> {
        if into.is_some() {
            return Err(HeaderError::Repeated { name: self.name.to_owned(), range: self.whole.clone() });
        }
        *into = Some(self.placed(value));
        Ok(())
    }
}

/// A duration in PostgreSQL's spelling; a number without unit is refused, since its unit depends on the setting.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match text[digits..].trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "min" => seconds(60),
        "h" => seconds(3_600),
        "d" => seconds(86_400),
        _ => None,
    }
}

fn probe(text: &str) -> Option<String> {
    let query = text.trim_end_matches(';').trim_end();
    let tokens: Vec<_> = Lexer::new(query).significant().collect();
    let asks = ["select", "with", "values", "table"].iter().any(|word| tokens.first().is_some_and(|it| it.is(word)));
    let is_one = tokens.iter().all(|token| token.kind != TokenKind::Semi);
    (asks && is_one).then(|| query.to_owned())
}

fn batch(text: &str) -> Option<Batch> {
    let mut given = BTreeMap::new();
    for pair in text.split_whitespace() {
        let (name, value) = pair.split_once('=')?;
        let known = matches!(name, "table" | "key" | "size" | "time" | "lag" | "age");
        if !known || given.insert(name, value).is_some() {
            return None;
        }
    }
    // A limit that makes no sense is an error, not an absent one.
    let limit = |name| match given.get(name) {
        None => Some(None),
        Some(text) => limit(text).map(Some),
    };
    let columns = given.get("key")?.split(',').map(QualifiedName::from_text);
    let key: Vec<String> =
        columns.map(|name| Some(name.filter(|name| name.schema.is_none())?.name)).collect::<Option<_>>()?;
    Some(Batch {
        table: QualifiedName::from_text(given.get("table")?)?,
        key,
        size: given.get("size")?.parse().ok().filter(|size| (1..=MOST_ROWS).contains(size))?,
        time: limit("time")?,
        lag: limit("lag")?,
        age: limit("age")?,
    })
}

fn refresh(text: &str) -> Option<Vec<Refresh>> {
    let words: Vec<_> = text.split_whitespace().collect();
    let at = |word: &str| words.iter().position(|it| *it == word);
    let (from, to) = (at("from"), at("to"));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return None;
    }
    let bound = |start: Option<usize>, end: Option<usize>| match start {
        None => Some(None),
        Some(start) => moment(&words[start + 1..end.unwrap_or(words.len())].join(" ")).map(Some),
    };
    let (start, end) = (bound(from, to)?, bound(to, None)?);
    let list = words[..from.or(to).unwrap_or(words.len())].join(" ");
    let names = list.split(',').map(|name| QualifiedName::from_text(name.trim()));
    let one = |name: Option<QualifiedName>| Some(Refresh { name: name?, from: start.clone(), to: end.clone() });
    names.map(one).collect()
}

/// A point in time or a number, as it stands in a literal.
fn moment(text: &str) -> Option<String> {
    let text = text.trim_matches('\'');
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, ' ' | ':' | '+' | '-' | '.' | '/');
    (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
}

fn limit(text: &str) -> Option<Limit> {
    if text == "off" {
        return Some(Limit::Off);
    }
    duration(text).filter(|duration| !duration.is_zero()).map(Limit::At)
}

fn allow(text: &str) -> Option<Allow> {
    let (rule, reason) = text.split_once(char::is_whitespace)?;
    let reason = reason.trim_start().strip_prefix("because")?;
    let reason = reason.strip_prefix(char::is_whitespace)?.trim();
    (!reason.is_empty()).then(|| Allow { rule: rule.to_owned(), reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(directive: &str, expected: &str) {
        let mut headers = Headers::default();
        let text = Placed { value: directive.to_owned(), range: 10..10 + directive.len() };
        let got = match read(&text, &mut headers) {
            Ok(()) if headers == Headers::default() => "nothing".to_owned(),
            Ok(()) => "ok".to_owned(),
            Err(error) => match error.hint() {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            },
        };
        assert_eq!(got, expected, "{directive:?}");
    }

    #[test]
    fn each_directive_is_read_or_refused() {
        for good in [
            "depends a/b",
            "phase contract",
            "gate web-v2",
            "transaction none",
            "lock_timeout 2s",
            "timeout 10min",
            "role app_owner",
            "search_path app, public",
            "probe SELECT true;",
            "refresh energy_hourly, app.energy_daily",
            "refresh energy_hourly from 2024-01-01 00:00+00 to '2024-02-01'",
            "refresh counts to 1000",
            "batch table=tasks key=id size=10000",
            "allow drop-table because it was never used",
        ] {
            check(good, "ok");
        }
        check("phas expand", "unknown directive `phas`; did you mean `phase`?");
        check("frobnicate", "unknown directive `frobnicate`");
        check("", "unknown directive ``");
        check("phase later", "`phase` needs `expand`, `data` or `contract`");
        check("transaction maybe", "`transaction` needs `none`");
        let unit = "`timeout` needs a duration with its unit, like `500ms`, `2s` or `10min`";
        for bad in ["timeout 10", "timeout", "timeout s", "timeout 5 weeks"] {
            check(bad, unit);
        }
        check("probe DROP TABLE x", "`probe` needs a query");
        check("probe SELECT true; SELECT false", "`probe` needs a query");
        check("batch table=t key=id size=0", "`batch` needs `table=… key=… size=…`, and may have `time=… lag=… age=…`");
        for bad in ["batch table=t key=id size=1 lag=5", "batch table=t key=a.b size=1", "batch table=t key=,a size=1"]
        {
            check(bad, "`batch` needs `table=… key=… size=…`, and may have `time=… lag=… age=…`");
        }
        check(
            "batch table=t table=u key=id size=1",
            "`batch` needs `table=… key=… size=…`, and may have `time=… lag=… age=…`",
        );
        check("allow drop-table", "`allow` needs `RULE because REASON`");
        check("allow drop-table because ", "`allow` needs `RULE because REASON`");
        for bad in
            ["refresh", "refresh a b", "refresh a,", "refresh a from", "refresh a to 5 from 3", "refresh a from now()"]
        {
            check(bad, "`refresh` needs `AGGREGATE, …`, and may have `from START to END`");
        }
        check("gate a b", "`gate` needs the name of a gate");
    }

    #[test]
    fn durations_and_batches_have_values() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7_200)));
        let read = batch("size=5 table=App.\"T\" key=Tenant,id lag=off time=1s");
        let table = QualifiedName { schema: Some("app".to_owned()), name: "T".to_owned() };
        let key = vec!["tenant".to_owned(), "id".to_owned()];
        let time = Some(Limit::At(Duration::from_secs(1)));
        assert_eq!(read, Some(Batch { table, key, size: 5, time, lag: Some(Limit::Off), age: None }));
    }

    #[test]
    fn a_directive_that_stands_once_may_not_stand_twice() {
        let mut headers = Headers::default();
        let text = |value: &str| Placed { value: value.to_owned(), range: 0..value.len() };
        read(&text("phase data"), &mut headers).unwrap();
        let again = read(&text("phase expand"), &mut headers).unwrap_err();
        assert_eq!(again.to_string(), "`phase` is given twice");
    }
}
