//! The state file: what a later run has to know of a cluster. It is written last, so that data without one are known
//! to be half made.

use std::io;
use std::path::PathBuf;

use fs_err as fs;

use crate::error::DevdbError;
use crate::place::{Place, write_whole};
use crate::recipe::Flavour;
use crate::server::Server;

const HEAD: &str = "dunlin-devdb 1";

/// A finished cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) flavour: Flavour,
    /// The programs that the data belong to.
    pub(crate) bindir: PathBuf,
    /// Where the server listens, or listened last.
    pub(crate) port: u16,
}

impl State {
    /// The state of a cluster; none if it is not or only half made.
    pub(crate) fn read(place: &Place) -> Result<Option<Self>, DevdbError> {
        let file = place.dir().join("state");
        match fs::read_to_string(&file) {
            Ok(text) => parse(&text).map(Some).ok_or(DevdbError::State { file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The server at that port.
    pub(crate) fn server(&self) -> Server {
        Server { flavour: self.flavour, bindir: self.bindir.clone(), port: self.port }
    }

    pub(crate) fn write(&self, place: &Place) -> Result<(), DevdbError> {
        let flavour = self.flavour.name();
        let text = format!("{HEAD}\n{flavour}\n{}\n{}\n", self.bindir.display(), self.port);
        write_whole(&place.dir().join("state"), &text)
    }
}

fn parse(text: &str) -> Option<State> {
    let [HEAD, flavour, bindir, port] = text.lines().collect::<Vec<_>>()[..] else {
        return None;
    };
    let flavour = Flavour::ALL.into_iter().find(|known| known.name() == flavour)?;
    Some(State { flavour, bindir: bindir.into(), port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_this_version_are_read() {
        let state = State { flavour: Flavour::Full, bindir: "/x/bin".into(), port: 20_001 };
        for (text, expected) in [
            ("dunlin-devdb 1\nfull\n/x/bin\n20001\n", Some(state)),
            ("dunlin-devdb 2\nfull\n/x/bin\n20001\n", None),
            ("dunlin-devdb 1\nfull\n/x/bin\n", None),
            ("dunlin-devdb 1\nodd\n/x/bin\n20001\n", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
