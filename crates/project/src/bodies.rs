//! The text of every body that was read, by file and digest: held, or read again where it is too large for that.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use dunlin_planner::{Bodies, BodyGone, Digest, Fragment, Piece, Pieces};
use dunlin_sql as sql;

use crate::sql_file::Large;

/// The bodies of a project, as they were when it was read.
///
/// The digest alone is not enough: two files that differ only in a BEGIN … COMMIT around them share it, but their
/// statements lie at different bytes.
#[derive(Debug, Default)]
pub struct HeldBodies {
    held: HashMap<(Arc<str>, Digest), Arc<str>>,
    streamed: HashMap<(Arc<str>, Digest), Streamed>,
}

/// What a file must still be when it is read again.
#[derive(Debug)]
struct Streamed {
    path: PathBuf,
    bytes: u64,
    marks: sql::Marks,
}

impl HeldBodies {
    pub(crate) fn hold(&mut self, path: Arc<str>, digest: Digest, text: &str) {
        self.held.insert((path, digest), Arc::from(text));
    }

    pub(crate) fn stream(&mut self, path: Arc<str>, digest: Digest, Large { at, scan }: &Large) {
        let streamed = Streamed { path: at.clone(), bytes: scan.bytes, marks: scan.marks.clone() };
        self.streamed.insert((path, digest), streamed);
    }
}

impl Bodies for HeldBodies {
    fn open(&self, path: &str, digest: &Digest) -> Result<Arc<str>, BodyGone> {
        let held = self.held.get(&(Arc::from(path), *digest)).cloned();
        held.ok_or_else(|| BodyGone { path: path.to_owned(), digest: *digest })
    }

    fn pieces(&self, path: &str, digest: &Digest) -> Result<Pieces, BodyGone> {
        let gone = BodyGone { path: path.to_owned(), digest: *digest };
        let Some(planned) = self.streamed.get(&(Arc::from(path), *digest)) else { return Err(gone) };
        let file = fs_err::File::open(&planned.path).map_err(|_| gone.clone())?;
        // An appended byte is found at the end anyway; this tells it before anything runs.
        if file.metadata().map_or(true, |metadata| metadata.len() != planned.bytes) {
            return Err(gone);
        }
        let pieces = sql::Pieces::new(file, sql::Sizes::default(), planned.marks.clone());
        Ok(Box::new(pieces.map(move |piece| piece.map(to_run).map_err(|_| gone.clone()))))
    }
}

/// A piece in the planner's words.
fn to_run(piece: sql::Piece) -> Piece {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let fragment = |sql::Fragment { text, range, line, column, statements }| Fragment {
        text,
        range,
        line: number(line),
        column: number(column),
        statements,
    };
    match piece {
        sql::Piece::Statements(found) => Piece::Statements(fragment(found)),
        sql::Piece::Copy(found) => Piece::Copy(fragment(found)),
        sql::Piece::Data(data) => Piece::Data(data),
        sql::Piece::EndOfData => Piece::EndOfData,
    }
}
