//! The chain over a ledger's log: what a seal is made of.
//!
//! At the end of a run a *seal* is added to the log of each of its databases. It names every line that no seal has covered
//! yet, whoever wrote it: those of this run, of runs that were killed before their own, of repairs, and the seal before. So
//! nobody waits for anybody while a run goes on, and a line is only ever added. What a seal says follows from the lines and
//! from the seal before it, and [`audit`](crate::audit) says it again from what is there now.

use serde::{Deserialize, Serialize};

use crate::{Digest, LogRow, Timestamp};

/// One line of a log, with all that is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number, which grows.
    pub seq: u64,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// The project.
    pub project: String,
    /// The migration, where it concerns one.
    pub id: Option<String>,
    /// The run, where it was one.
    pub run: Option<String>,
    /// What happened, in one word.
    pub what: String,
    /// The role that logged in.
    pub who: String,
    /// More about it, as the database writes it.
    pub detail: Option<String>,
    /// Of a seal, the hash of the one before.
    pub prev: Option<Digest>,
    /// Of a seal, its hash.
    pub hash: Option<Digest>,
    /// Of a seal, what it covers, out of its detail.
    pub cover: Option<Cover>,
    /// The row as this line left it, out of its detail.
    pub row: Option<LogRow>,
}

/// What a seal covers, as it stands in its line's detail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cover {
    /// Each line with the beginning of its digest, which tells later which of them was changed.
    pub lines: Vec<(u64, String)>,
    /// The greatest number up to here.
    pub through: u64,
    /// Numbers up to there that no line had: of what was rolled back, and of what was not committed yet.
    pub open: Vec<(u64, u64)>,
}

/// A seal that is in the log, as the next one needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its hash.
    pub hash: Digest,
    /// What it covers.
    pub cover: Cover,
}

/// What a seal's own line says beside what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealStamp {
    /// The project that it was written for.
    pub project: String,
    /// The run at whose end, where it was one.
    pub run: Option<String>,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// The role that logged in.
    pub who: String,
}

impl LogLine {
    /// The SHA-256 of everything that stands in it: every value behind its length, so that no two lines look alike.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = Bytes::new("line");
        bytes.number(self.seq);
        bytes.text(Some(&self.at.0.to_string()));
        bytes.text(Some(&self.project));
        bytes.text(self.id.as_deref());
        bytes.text(self.run.as_deref());
        bytes.text(Some(&self.what));
        bytes.text(Some(&self.who));
        bytes.text(self.detail.as_deref());
        bytes.digest(self.prev);
        bytes.digest(self.hash);
        Digest::of(&bytes.0)
    }

    /// The stamp of a seal's line.
    #[must_use]
    pub fn stamp(&self) -> SealStamp {
        SealStamp { project: self.project.clone(), run: self.run.clone(), at: self.at, who: self.who.clone() }
    }
}

impl Cover {
    /// The numbers that are not covered up to `through`: what was open, and what came since.
    #[must_use]
    pub fn pending(&self, through: u64) -> Vec<(u64, u64)> {
        let mut pending = self.open.clone();
        if through > self.through {
            pending.push((self.through + 1, through));
        }
        pending
    }
}

impl Seal {
    /// The seal over `lines`, which none has covered; none where there is nothing to seal but the seal before.
    #[must_use]
    pub fn next(last: Option<&Self>, stamp: &SealStamp, lines: &[LogLine]) -> Option<Self> {
        if lines.iter().all(|line| line.hash.is_some()) {
            return None;
        }
        let before = last.map(|last| last.cover.clone()).unwrap_or_default();
        let through = lines.iter().map(|line| line.seq).max().unwrap_or_default().max(before.through);
        let digests: Vec<_> = lines.iter().map(|line| (line.seq, line.digest())).collect();
        let cover = Cover {
            lines: digests.iter().map(|(seq, digest)| (*seq, digest.short())).collect(),
            through,
            open: without(&before.pending(through), lines),
        };
        let hash = seal_hash(last.map(|last| last.hash), stamp, &cover, &digests);
        Some(Self { hash, cover })
    }
}

/// The hash of a seal: of the one before, of its own line, and of every line that it covers, in their order.
pub(crate) fn seal_hash(prev: Option<Digest>, stamp: &SealStamp, cover: &Cover, digests: &[(u64, Digest)]) -> Digest {
    let mut bytes = Bytes::new("seal");
    bytes.digest(prev);
    bytes.text(Some(&stamp.project));
    bytes.text(stamp.run.as_deref());
    bytes.text(Some(&stamp.at.0.to_string()));
    bytes.text(Some(&stamp.who));
    bytes.number(cover.through);
    bytes.number(cover.open.len() as u64);
    for (from, to) in &cover.open {
        bytes.number(*from);
        bytes.number(*to);
    }
    for (seq, digest) in digests {
        bytes.number(*seq);
        bytes.digest(Some(*digest));
    }
    Digest::of(&bytes.0)
}

/// The ranges without the numbers of `lines`, which stand in order.
fn without(ranges: &[(u64, u64)], lines: &[LogLine]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    for (from, to) in ranges {
        let mut next = *from;
        for line in lines.iter().filter(|line| (*from..=*to).contains(&line.seq)) {
            if line.seq > next {
                left.push((next, line.seq - 1));
            }
            next = line.seq + 1;
        }
        if next <= *to {
            left.push((next, *to));
        }
    }
    left
}

/// What is hashed.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new(what: &str) -> Self {
        Self(format!("dunlin {what} 1\n").into_bytes())
    }

    fn number(&mut self, number: u64) {
        self.0.extend(number.to_be_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.number(text.len() as u64);
            self.0.extend(text.as_bytes());
        }
    }

    fn digest(&mut self, digest: Option<Digest>) {
        self.0.push(u8::from(digest.is_some()));
        self.0.extend(digest.map(|digest| digest.0).into_iter().flatten());
    }
}
