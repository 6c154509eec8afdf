//! `dunlin new`: the files of a new migration, in its set's own naming style.

use dunlin_planner::SetName;
use dunlin_project::{DraftRequest, draft};

use crate::args::{Global, NewArgs};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::workspace::read;

/// Writes an up and a down file, and never over one that is there.
pub(crate) fn run(global: &Global, args: &NewArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let project = read(global)?;
    let description = args.description.join(" ");
    let now = jiff::Zoned::now().strftime("%Y%m%d%H%M%S").to_string();
    let request =
        DraftRequest { set: &args.set, description: &description, version: args.version.as_deref(), now: &now };
    let folder = |set: &SetName| project.folders.get(set).and_then(|folders| folders.last()).cloned();
    let files = draft(&project.catalog, folder, &request).map_err(|finding| Stop::Findings(vec![finding]))?;
    for file in &files {
        let path = project.root.join(&file.path);
        let written = path
            .parent()
            .map_or(Ok(()), fs_err::create_dir_all)
            .and_then(|()| fs_err::OpenOptions::new().write(true).create_new(true).open(&path))
            .and_then(|mut new| std::io::Write::write_all(&mut new, file.text.as_bytes()));
        written.map_err(|error| {
            Stop::because("new-failed", error.to_string(), "choose another description or --version")
        })?;
    }
    let written: Vec<_> = files.iter().map(|file| format!("wrote {}", file.path)).collect();
    terminal.data(&written.join("\n"));
    Ok(Exit::Done)
}
