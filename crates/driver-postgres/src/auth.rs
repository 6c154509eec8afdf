//! `require_auth`: which ways of logging in are accepted from a server.
//!
//! A server that asks for a password in the clear would get it. So what it sends until it lets us in is read along, and a
//! way that was not asked for ends the connection before anything is answered.

use std::io;

use crate::conninfo::ConninfoError;
use crate::reading::invalid;

const NONE: u8 = 1;
const PASSWORD: u8 = 2;
const MD5: u8 = 4;
const GSS: u8 = 8;
const SSPI: u8 = 16;
const SCRAM: u8 = 32;
const ALL: u8 = NONE | PASSWORD | MD5 | GSS | SSPI | SCRAM;

const NAMES: [(&str, u8); 6] =
    [("none", NONE), ("password", PASSWORD), ("md5", MD5), ("gss", GSS), ("sspi", SSPI), ("scram-sha-256", SCRAM)];

/// The ways that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthMethods(u8);

impl AuthMethods {
    /// A list of names, or of names that are each excluded by `!`; nothing excludes nothing.
    pub(crate) fn read(text: &str) -> Result<Self, ConninfoError> {
        if text.is_empty() {
            return Ok(Self(ALL));
        }
        let expected =
            "names of none, password, md5, gss, sspi and scram-sha-256, each once, with `!` before all or none";
        let excluding = text.starts_with('!');
        let mut named = 0;
        for name in text.split(',') {
            let name = name.trim();
            let name = if excluding { name.strip_prefix('!') } else { Some(name) };
            let found = name.and_then(|name| NAMES.iter().find(|(known, _)| *known == name.trim()));
            match found {
                Some((_, method)) if named & method == 0 => named |= method,
                _ => return invalid("require_auth", expected),
            }
        }
        Ok(Self(if excluding { ALL & !named } else { named }))
    }
}

/// A server wanted a way of logging in that is not accepted.
#[derive(Debug, thiserror::Error)]
#[error("the server asks for {0}, which `require_auth` does not accept")]
pub(crate) struct AuthRefused(&'static str);

/// Reads along until the server lets us in.
pub(crate) struct AuthWatch {
    accepted: AuthMethods,
    /// The beginning of the message that is being read.
    head: Vec<u8>,
    /// How much of its rest is of no interest.
    skip: usize,
    /// Whether we proved who we are.
    proved: bool,
    let_in: bool,
}

impl AuthWatch {
    pub(crate) fn new(accepted: AuthMethods) -> Self {
        Self { accepted, head: Vec::new(), skip: 0, proved: false, let_in: false }
    }

    /// Whether the server accepted the login.
    pub(crate) fn let_in(&self) -> bool {
        self.let_in
    }

    /// Takes what the server sent.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !self.let_in && !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let wanted = if self.head.first() == Some(&b'R') { 9 } else { 5 };
            let taken = if self.skip > 0 { 0 } else { (bytes.len() - skipped).min(wanted - self.head.len()) };
            self.head.extend_from_slice(&bytes[skipped..skipped + taken]);
            bytes = &bytes[skipped + taken..];
            let wanted = if self.head.first() == Some(&b'R') { 9 } else { 5 };
            if self.head.len() == wanted {
                let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| self.head[at + byte]));
                let length = usize::try_from(number(1)).unwrap_or(usize::MAX);
                let request = (wanted == 9).then(|| number(5));
                self.skip = length.saturating_add(1).saturating_sub(wanted);
                self.head.clear();
                request.map_or(Ok(()), |request| self.request(request)).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    /// A request by its number (protocol documentation, "Authentication…").
    fn request(&mut self, number: u32) -> Result<(), AuthRefused> {
        let (method, name) = match number {
            0 => {
                if !self.proved && self.accepted.0 & NONE == 0 {
                    return Err(AuthRefused("no proof of who we are"));
                }
                self.let_in = true;
                return Ok(());
            }
            3 => (PASSWORD, "the password in the clear"),
            5 => (MD5, "the password as MD5"),
            7 | 8 => (GSS, "GSSAPI"),
            9 => (SSPI, "SSPI"),
            10..=12 => (SCRAM, "SCRAM"),
            _ => return Ok(()),
        };
        if self.accepted.0 & method == 0 {
            return Err(AuthRefused(name));
        }
        // SCRAM proves both sides with its last message, and the others with the answer to the request.
        self.proved |= matches!(number, 3 | 5 | 12);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u32, rest: &[u8]) -> Vec<u8> {
        let length = 8 + u32::try_from(rest.len()).unwrap();
        [b"R", &length.to_be_bytes()[..], &number.to_be_bytes(), rest].concat()
    }

    #[test]
    fn only_accepted_ways_pass_however_the_bytes_arrive() {
        let scram =
            [message(10, b"SCRAM-SHA-256\0\0"), message(11, b"r=x"), message(12, b"v=y"), message(0, b"")].concat();
        let trust = [b"v\0\0\0\x0cxxxxxxxx".to_vec(), message(0, b""), message(3, b"")].concat();
        for (accepted, stream, expected) in [
            ("", &scram, Ok(true)),
            ("scram-sha-256", &scram, Ok(true)),
            ("md5,scram-sha-256", &scram, Ok(true)),
            ("!scram-sha-256", &scram, Err("the server asks for SCRAM, which `require_auth` does not accept")),
            ("none", &trust, Ok(true)),
            ("!none", &trust, Err("the server asks for no proof of who we are, which `require_auth` does not accept")),
            ("md5", &message(5, b"salt"), Ok(false)),
            (
                "md5",
                &message(3, b""),
                Err("the server asks for the password in the clear, which `require_auth` does not accept"),
            ),
        ] {
            for size in [1, 3, 1000] {
                let mut watch = AuthWatch::new(AuthMethods::read(accepted).unwrap());
                let fed = stream.chunks(size).try_for_each(|bytes| watch.feed(bytes));
                let ended = fed.map(|()| watch.let_in()).map_err(|error| error.to_string());
                assert_eq!(ended, expected.map_err(str::to_owned), "{accepted} in pieces of {size}");
            }
        }
    }

    #[test]
    fn lists_are_read_as_libpq_reads_them() {
        for (text, expected) in [
            ("", Some(ALL)),
            ("md5, password", Some(MD5 | PASSWORD)),
            ("!md5,!none", Some(ALL & !MD5 & !NONE)),
            ("md5,!none", None),
            ("!md5,none", None),
            ("md5,md5", None),
            ("kerberos", None),
        ] {
            assert_eq!(AuthMethods::read(text).ok(), expected.map(AuthMethods), "{text}");
        }
    }
}
