//! A migration file, read: the front door of this crate.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use crate::analysis::{self, Analysis, ObjectAction};
use crate::batch::{self, BatchPlace};
use crate::classify::StatementClass;
use crate::clickhouse;
use crate::dialect::Dialect;
use crate::digest::{self, Digests};
use crate::headers::{Headers, Placed, headers};
use crate::lines::LineIndex;
use crate::phase::Phase;
use crate::problem::{Problem, Violation};
use crate::read::{Normalized, normalize};
use crate::rules::{self, LintContext};
use crate::split::{Script, Statement, split_part};

/// One migration file, or one part of a file that holds several.
#[derive(Debug)]
pub struct Source {
    dialect: Dialect,
    normalized: Normalized,
    part: Range<usize>,
    lines: LineIndex,
    script: Script,
    /// Set where it differs from the text.
    executable: Option<String>,
    headers: Headers,
    digests: Digests,
    problems: Vec<Problem>,
    analysis: OnceLock<Vec<Analysis>>,
    clickhouse: OnceLock<Vec<clickhouse::Analysis>>,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Bytes that are no text, or text that cannot be split. What else is wrong is in [`Source::problems`].
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        Self::read_as(bytes, Dialect::Postgres)
    }

    /// Reads a file of this dialect.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read_as(bytes: &[u8], dialect: Dialect) -> Result<Self, Problem> {
        let normalized = normalize(bytes).map_err(|error| {
            let line = bytes[..error.offset()].rsplit(|byte| *byte == b'\n').next();
            error.problem(line.unwrap_or_default())
        })?;
        let whole = 0..normalized.text().len();
        Self::part_as(normalized, whole, dialect)
    }

    /// Reads one part of a text: the up or the down of a file that holds both. Ranges and lines stay the file's; the
    /// digests of body and tokens are the part's alone.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn part(normalized: Normalized, part: Range<usize>) -> Result<Self, Problem> {
        Self::part_as(normalized, part, Dialect::Postgres)
    }

    fn part_as(normalized: Normalized, part: Range<usize>, dialect: Dialect) -> Result<Self, Problem> {
        let text = normalized.text();
        let lines = LineIndex::new(text);
        let problem = |message: String, hint: Option<String>, range: Range<usize>| {
            let position = lines.position(text, range.start);
            Problem { message, hint, position, line: text[lines.line_range(position.line)].to_owned(), range }
        };
        let split = match dialect {
            Dialect::Postgres => split_part(text, &part),
            Dialect::ClickHouse => clickhouse::split_part(text, &part),
        };
        let script = split.map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            problem(error.to_string(), hint, error.range())
        })?;
        let headers = headers(text, &script);
        let control = script.control.iter().map(|error| {
            let hint = Some(error.hint().to_owned());
            problem(error.to_string(), hint, error.range())
        });
        let mut problems: Vec<_> = control.collect();
        problems.extend(headers.wrong().into_iter().map(|(message, hint, range)| problem(message, hint, range)));
        problems.sort_by_key(|problem| problem.range.start);
        let digests = Digests {
            raw: normalized.raw_digest(),
            body: digest::of_body(text, &part, &script.removed),
            tokens: match dialect {
                Dialect::Postgres => digest::of_tokens(text, &script),
                Dialect::ClickHouse => digest::of_clickhouse(text, &script),
            },
        };
        let executable = (!script.removed.is_empty()).then(|| script.executable(text));
        Ok(Self {
            dialect,
            part,
            lines,
            script,
            executable,
            headers,
            digests,
            problems,
            analysis: OnceLock::new(),
            clickhouse: OnceLock::new(),
            normalized,
        })
    }

    /// The file's text, normalised. All ranges are bytes of it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.normalized.text()
    }

    /// The text as it was read, with the way back to the bytes of the file.
    #[must_use]
    pub fn normalized(&self) -> &Normalized {
        &self.normalized
    }

    /// The bytes of [`Source::text`] that this source is made of: all, unless it is a part.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.part.clone()
    }

    /// The text that runs, as long as [`Source::text`]: the outermost BEGIN … COMMIT pair is blanked. Statements are
    /// ranges of it.
    #[must_use]
    pub fn executable(&self) -> &str {
        self.executable.as_deref().unwrap_or(self.text())
    }

    /// What identifies the content.
    #[must_use]
    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// How the text was split.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The statements that run.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.script.statements
    }

    /// What makes the file unfit to run, in order.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where its lines start.
    #[must_use]
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }

    /// What each of [`Source::statements`] does; none of ClickHouse's. The first call parses them, which is slow.
    #[must_use]
    pub fn analysis(&self) -> &[Analysis] {
        self.analysis.get_or_init(|| match self.dialect {
            Dialect::Postgres => analysis::analyze(self.text(), &self.script),
            Dialect::ClickHouse => Vec::new(),
        })
    }

    /// The same of ClickHouse's statements; none of another dialect.
    #[must_use]
    pub fn clickhouse(&self) -> &[clickhouse::Analysis] {
        self.clickhouse.get_or_init(|| match self.dialect {
            Dialect::Postgres => Vec::new(),
            Dialect::ClickHouse => {
                self.statements().iter().map(|it| clickhouse::analyze(self.text(), &it.range)).collect()
            }
        })
    }

    /// Whose SQL it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Does the whole file run in one transaction? Not if it says so, or if a statement cannot. A CALL of a procedure
    /// that is defined elsewhere counts as one that can.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        let cannot = |it: &Analysis| matches!(it.class, StatementClass::NonTransactional(_));
        self.headers.no_transaction.is_none() && !self.analysis().iter().any(cannot)
    }

    /// The phase that it declares, or else that its statements look like: the most careful one among them. An object
    /// that is dropped and made anew does not make a contraction.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        if let Some(phase) = &self.headers.phase {
            return Some(phase.value);
        }
        let analysis = self.analysis();
        let named = |analysis: &[Analysis], action| -> BTreeSet<_> {
            let objects = analysis.iter().flat_map(|it| &it.objects);
            objects.filter(|object| object.action == action).map(|object| (object.kind, object.name.clone())).collect()
        };
        let guess = |(at, it): (usize, &Analysis)| {
            let dropped = named(std::slice::from_ref(it), ObjectAction::Drop);
            let made = named(&analysis[at + 1..], ObjectAction::Create);
            if !dropped.is_empty() && dropped.is_subset(&made) { Some(Phase::Expand) } else { it.phase }
        };
        analysis.iter().enumerate().filter_map(guess).max()
    }

    /// The probe that stands before one statement and behind the one before it; before the first, anywhere above it.
    #[must_use]
    pub fn probe(&self, statement: usize) -> Option<&Placed<String>> {
        let statements = self.statements();
        let before = statement.checked_sub(1).map_or(0, |at| statements[at].end);
        let between = before..statements.get(statement)?.range.start;
        let mut probes = self.headers.probes.iter();
        probes.rfind(|probe| between.contains(&probe.range.start))
    }

    /// The placeholders for the range of a batch, in all statements.
    #[must_use]
    pub fn batch_places(&self) -> Vec<BatchPlace> {
        self.statements().iter().flat_map(|statement| batch::places(self.text(), &statement.range)).collect()
    }

    /// Checks the lint rules, except those that the file allows itself to break. In order of place.
    #[must_use]
    pub fn lint(&self, context: &LintContext) -> Vec<Violation> {
        rules::check(self, context)
    }
}
