//! A file that is read in pieces beside the same file held.

use std::io::{self, Read};

use dunlin_sql::{Piece, Pieces, Problem, Scan, Sizes, Source, StreamError};

use crate::simulation::random::Random;

/// Hands out as many bytes at a time as it likes.
struct Ragged<'a> {
    bytes: &'a [u8],
    random: Random,
}

impl Read for Ragged<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1 + self.random.below(buffer.len().max(1)));
        self.bytes.read(&mut buffer[..length])
    }
}

/// Compares both ways to read `bytes`, with blocks and windows of random sizes.
pub(crate) fn compare(random: &mut Random, bytes: &[u8]) -> Result<(), String> {
    let sizes = Sizes { block: 32 + random.below(200), window: 1 + random.below(300), ..Sizes::default() };
    let mut ragged = || Ragged { bytes, random: Random(random.below(usize::MAX) as u64) };
    let (held, scanned) = (Source::read(bytes), Scan::read(ragged(), sizes));
    let (held, scanned) = match (held, scanned) {
        (Ok(held), Ok(scanned)) => (held, scanned),
        (Err(held), Err(StreamError::Unfit(streamed))) => return same("refusal", &sizes, streamed, held),
        (held, scanned) => return Err(format!("{sizes:?}: held {:?}, streamed {scanned:?}", held.map(|_| ()))),
    };
    let only_streamed = |it: &Problem| it.message.ends_with("a file as large as this runs as one");
    let (apart, problems): (Vec<_>, Vec<_>) = scanned.problems.into_iter().partition(only_streamed);
    let is_right = problems.is_empty();
    same("problems", &sizes, problems.as_slice(), held.problems())?;
    if !is_right {
        return Ok(());
    }
    same("digests", &sizes, scanned.digests, held.digests())?;
    same("statements", &sizes, scanned.statements, held.statements().len() as u64)?;
    if !apart.is_empty() {
        return Ok(());
    }
    let pieces = Pieces::new(ragged(), sizes, scanned.marks).collect::<Result<Vec<_>, _>>();
    let texts: Vec<_> = held.statements().iter().map(|it| held.text()[it.range.clone()].to_owned()).collect();
    let data = held.statements().iter().filter_map(|it| Some(&held.text()[it.copy_data.clone()?]));
    let (streamed, streamed_data) = in_pieces(&pieces.map_err(|error| error.to_string())?)?;
    same("texts", &sizes, streamed, texts)?;
    same("data", &sizes, streamed_data, data.collect())
}

/// The statements of the pieces, and all data in a row.
fn in_pieces(pieces: &[Piece]) -> Result<(Vec<String>, String), String> {
    let (mut statements, mut data) = (Vec::new(), String::new());
    for piece in pieces {
        match piece {
            Piece::Statements(fragment) => {
                let starts = &fragment.statements;
                let ends = starts.iter().skip(1).copied().chain([fragment.range.end]);
                for (start, end) in starts.iter().zip(ends) {
                    let text = &fragment.text[*start..end];
                    let script = dunlin_sql::split(text).map_err(|error| format!("{error} in the piece {text:?}"))?;
                    let ranges = script.statements.into_iter().map(|it| it.range).chain(script.removed);
                    statements.extend(ranges.map(|range| text[range].to_owned()));
                }
            }
            Piece::Copy(fragment) => statements.push(fragment.text[fragment.range.clone()].to_owned()),
            Piece::Data(piece) => data.push_str(piece),
            Piece::EndOfData => {}
        }
    }
    Ok((statements, data))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, sizes: &Sizes, streamed: T, held: T) -> Result<(), String> {
    if streamed == held { Ok(()) } else { Err(format!("{what}, {sizes:?}: streamed {streamed:?}, held {held:?}")) }
}
