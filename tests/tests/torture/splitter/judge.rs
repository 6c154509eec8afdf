//! Dunlin's reading of a text beside the server's.

use std::ops::Range;

use dunlin_sql::{Script, SplitError, split};

use super::server::{Reader, Reading};

/// What was compared.
pub(crate) struct Compared {
    pub(crate) statements: usize,
    /// Neither finds anything wrong.
    pub(crate) is_right: bool,
}

/// Compares the two readings of `text`.
///
/// Each slice from one statement's start to the next one's has to be one command. All of them are then the whole text's
/// commands, for nothing but a semicolon ends one and no token goes over it. What is wrong in the whole has to be wrong in
/// the first slice that is, at the same place.
pub(crate) fn compare(reader: &Reader, text: &str) -> Result<Compared, String> {
    match split(text) {
        Ok(script) => compare_split(reader, text, &script),
        Err(error) => {
            compare_refused(reader, text, &error)?;
            Ok(Compared { statements: 0, is_right: false })
        }
    }
}

fn compare_split(reader: &Reader, text: &str, script: &Script) -> Result<Compared, String> {
    let data: Vec<_> = script.statements.iter().filter_map(|it| Some(it.copy_data.clone()?.start..it.end)).collect();
    let mut starts: Vec<_> = script.statements.iter().map(|it| it.range.start).chain(removed(script)).collect();
    starts.sort_unstable();
    let starts: Vec<_> = starts.into_iter().map(|start| start - cut_before(&data, start)).collect();
    let whole = without(text, &data);
    let ends = starts.iter().skip(1).copied().chain([whole.len()]);
    let slices: Vec<&str> = starts.iter().zip(ends).map(|(start, end)| &whole[*start..end]).collect();
    let head = &whole[..starts.first().copied().unwrap_or(whole.len())];
    let mut readings = reader.read([whole.as_str(), head].into_iter().chain(slices.iter().copied())).into_iter();
    let (of_whole, of_head) = (readings.next().unwrap(), readings.next().unwrap());
    let readings: Vec<_> = readings.collect();
    if of_head != Reading::Accepted {
        return Err(format!("before the first statement: {of_head:?} in {head:?}"));
    }
    if let Some(at) = readings.iter().position(|reading| *reading == Reading::Many) {
        return Err(format!("merged: {:?}", slices[at]));
    }
    let first_wrong = readings.iter().enumerate().find_map(|(at, reading)| match reading {
        Reading::Wrong { message, at: place } => {
            let before = whole[..starts[at]].chars().count();
            Some(Reading::Wrong { message: message.clone(), at: place.map(|place| before + place) })
        }
        _ => None,
    });
    let expected = match (&first_wrong, readings.as_slice()) {
        (Some(wrong), _) => wrong.clone(),
        (None, []) => Reading::Accepted,
        (None, [only]) => only.clone(),
        (None, _) => Reading::Many,
    };
    if of_whole != expected {
        return Err(format!("as a whole {of_whole:?}, in {} statements {expected:?}", slices.len()));
    }
    if first_wrong.is_none() {
        ends_of_transactions(text, script, &data, &starts, &readings)?;
    }
    Ok(Compared { statements: slices.len(), is_right: first_wrong.is_none() })
}

fn removed(script: &Script) -> impl Iterator<Item = usize> {
    script.removed.iter().map(|range| range.start)
}

/// A command that would end the transaction has to be taken off or refused; only going back to a savepoint is fine.
fn ends_of_transactions(
    text: &str,
    script: &Script,
    data: &[Range<usize>],
    starts: &[usize],
    readings: &[Reading],
) -> Result<(), String> {
    let control = script.control.iter().map(|error| error.range().start).chain(removed(script));
    let control: Vec<_> = control.map(|start| start - cut_before(data, start)).collect();
    for statement in &script.statements {
        let start = statement.range.start - cut_before(data, statement.range.start);
        let at = starts.iter().position(|it| *it == start).expect("every statement has a start");
        let words = text[statement.range.clone()].to_ascii_lowercase();
        let is_back = words.starts_with("rollback") && !words.contains("prepared") && words.contains("to");
        if readings[at] == Reading::Accepted && !is_back && !control.contains(&start) {
            return Err(format!("ends the transaction unseen: {words:?}"));
        }
    }
    Ok(())
}

/// What is refused has to be wrong for the server too, unless Dunlin is stricter on purpose.
fn compare_refused(reader: &Reader, text: &str, error: &SplitError) -> Result<(), String> {
    let range = error.range();
    let opens_at = match error {
        // Data are no part of what a server reads, and limits and marks are Dunlin's own.
        SplitError::TextBeforeData { .. }
        | SplitError::UnterminatedData { .. }
        | SplitError::StrayByteOrderMark { .. }
        | SplitError::TextBehindData { .. }
        | SplitError::TooDeep { .. } => return Ok(()),
        // What is no token ends the reading there at the latest; for the server, N before a string is one of its own.
        SplitError::MetaCommand { .. } => text[..range.start].chars().count(),
        SplitError::Unterminated { .. } => text[..range.end].chars().count(),
        SplitError::UnclosedParenthesis { .. } | SplitError::UnclosedBody { .. } => usize::MAX,
    };
    // Data of a COPY before this place would be wrong for a server.
    if text[..range.start].to_ascii_lowercase().contains("copy") {
        return Ok(());
    }
    match &reader.read([text])[0] {
        Reading::Wrong { at, .. } if at.is_none_or(|at| at <= opens_at) => Ok(()),
        other => Err(format!("refused with \"{error}\" at byte {}, by the server: {other:?}", range.start)),
    }
}

fn cut_before(cuts: &[Range<usize>], offset: usize) -> usize {
    cuts.iter().filter(|cut| cut.end <= offset).map(ExactSizeIterator::len).sum()
}

fn without(text: &str, cuts: &[Range<usize>]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for cut in cuts {
        rest.push_str(&text[at..cut.start]);
        at = cut.end;
    }
    rest + &text[at..]
}
