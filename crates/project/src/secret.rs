//! Values that may be secret: where they come from, and how they are had when a connection is opened.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use dunlin_planner::{Finding, Place};
use secrecy::{ExposeSecret, SecretString};

use crate::words::printable;
/// A value that no message, log or debug output shows.
#[derive(Clone)]
pub(crate) struct Secret {
    source: SecretSource,
    place: Place,
}

#[derive(Clone)]
enum SecretSource {
    Text(SecretString),
    File(String),
    Command(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            SecretSource::Text(_) => "(text)",
            SecretSource::File(_) => "(file)",
            SecretSource::Command(_) => "(command)",
        })
    }
}

impl Secret {
    pub(crate) fn text(text: String, place: Place) -> Self {
        Self { source: SecretSource::Text(SecretString::from(text)), place }
    }

    pub(crate) fn file(path: &str, place: Place) -> Self {
        Self { source: SecretSource::File(path.to_owned()), place }
    }

    pub(crate) fn command(command: &str, place: Place) -> Self {
        Self { source: SecretSource::Command(command.to_owned()), place }
    }

    /// The text, where it is known already.
    pub(crate) fn known(&self) -> Option<&str> {
        match &self.source {
            SecretSource::Text(text) => Some(text.expose_secret()),
            _ => None,
        }
    }

    /// The value; reads the file or runs the command, in `root`. One line end behind it is taken off.
    pub(crate) fn reveal(&self, root: &Path) -> Result<SecretString, Finding> {
        let revealed = match &self.source {
            SecretSource::Text(text) => return Ok(text.clone()),
            SecretSource::File(path) => fs_err::read_to_string(root.join(path)).map_err(|error| error.to_string()),
            SecretSource::Command(command) => output(command, root),
        };
        match revealed {
            Ok(text) => {
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Ok(SecretString::from(line.strip_suffix('\r').unwrap_or(line)))
            }
            Err(why) => {
                let message = format!("a secret cannot be had: {}", printable(&why));
                Err(Finding::error("secret-unavailable", message).at(self.place.clone()))
            }
        }
    }
}

fn output(command: &str, root: &Path) -> Result<String, String> {
    let run = Command::new("sh").arg("-c").arg(command).current_dir(root).stdin(Stdio::null()).output();
    let output = run.map_err(|error| format!("its command cannot be started: {error}"))?;
    if output.status.success() {
        return String::from_utf8(output.stdout)
            .map_err(|_| "its command printed something that is not UTF-8".to_owned());
    }
    // What it wrote may be the secret itself.
    Err(format!("its command failed ({}); run it by hand to see what it says", output.status))
}
