//! Reading from the disk: names for messages, and small text files with a limit.

use std::io;
use std::path::{Component, Path};

use dunlin_planner::{Finding, Place};

use crate::words::printable;
/// The largest configuration or dependency file.
pub(crate) const MAX_TEXT: u64 = 1_000_000;

/// `path` as seen from `root`, with slashes; the whole path where it lies elsewhere.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside
        .components()
        .filter(|part| !matches!(part, Component::RootDir))
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let joined = parts.join("/");
    if inside.is_absolute() { format!("/{joined}") } else { joined }
}

/// What went wrong, without the path, which the message already names.
pub(crate) fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => {
            let whole = error.to_string();
            whole.rsplit_once("`: ").map_or(whole.clone(), |(_, cause)| cause.to_owned())
        }
    }
}

/// A finding that says why a file could not be read.
pub(crate) fn unreadable(shown: &str, why: &str) -> Finding {
    Finding::error("file-unreadable", format!("`{}` cannot be read: {why}", printable(shown))).at(Place::file(shown))
}

/// A regular UTF-8 file of at most [`MAX_TEXT`] bytes, without byte order mark.
pub(crate) fn read_text(path: &Path, shown: &str) -> Result<String, Finding> {
    let metadata = fs_err::metadata(path).map_err(|error| unreadable(shown, &cause(&error)))?;
    if !metadata.is_file() {
        return Err(unreadable(shown, "it is not a regular file"));
    }
    if metadata.len() > MAX_TEXT {
        return Err(unreadable(shown, &format!("it is larger than {MAX_TEXT} bytes")));
    }
    let bytes = fs_err::read(path).map_err(|error| unreadable(shown, &cause(&error)))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| unreadable(shown, &format!("it is not UTF-8 (byte {})", error.utf8_error().valid_up_to())))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
