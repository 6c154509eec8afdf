//! Finds `dunlin.toml` and the environment's file, and reads them into one tree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dunlin_planner::{EnvironmentName, Finding};

use crate::disk;
use crate::project::Request;
use crate::source::{Content, Source};
use crate::tree::Table;
use crate::words::{self, printable};

const NAME: &str = "dunlin.toml";
const FOLDER: &str = "configs";

/// The configuration as it was found.
pub(crate) struct Files {
    /// The directory that paths count from; canonical.
    pub(crate) root: PathBuf,
    /// The base file.
    pub(crate) config: PathBuf,
    /// The environment that was laid over it.
    pub(crate) environment: Option<EnvironmentName>,
    /// Both as one.
    pub(crate) table: Table,
}

/// Reads the configuration that `request` asks for.
pub(crate) fn read(request: &Request<'_>) -> Result<Files, Vec<Finding>> {
    let one = |finding: Finding| vec![finding];
    let config = locate(request).map_err(one)?;
    let folder = config.parent().expect("a file that was found lies in a directory").to_owned();
    let in_configs = folder.file_name().is_some_and(|name| name == FOLDER);
    let root = if in_configs { folder.parent().unwrap_or(&folder).to_owned() } else { folder.clone() };
    let overlays = if in_configs { folder } else { folder.join(FOLDER) };
    let environment = environment(request, &overlays).map_err(one)?;

    let mut table = parse(&root, &config, Content::Configuration);
    if let Some(name) = &environment {
        let over = parse(&root, &overlays.join(format!("{name}.toml")), Content::Environment);
        table = match (table, over) {
            (Ok(mut base), Ok(over)) => {
                base.lay_over(over);
                Ok(base)
            }
            (Err(mut findings), Err(more)) => {
                findings.extend(more);
                Err(findings)
            }
            (Err(findings), _) | (_, Err(findings)) => Err(findings),
        };
    }
    Ok(Files { root, config, environment, table: table? })
}

fn parse(root: &Path, path: &Path, content: Content) -> Result<Table, Vec<Finding>> {
    let shown = disk::relative(root, path);
    let text = disk::read_text(path, &shown).map_err(|finding| vec![finding])?;
    Table::parse(&Arc::new(Source::new(&shown, text, content)))
}

/// The configuration file, canonical: the one that was named, or the nearest one upwards.
fn locate(request: &Request<'_>) -> Result<PathBuf, Finding> {
    if let Some(path) = &request.config {
        let path = request.start_dir.join(path);
        return fs_err::canonicalize(&path).map_err(|error| {
            Finding::error("config-missing", format!("`{}` cannot be opened: {}", path.display(), disk::cause(&error)))
        });
    }
    let start = fs_err::canonicalize(&request.start_dir).map_err(|error| {
        let message = format!("`{}` cannot be opened: {}", request.start_dir.display(), disk::cause(&error));
        Finding::error("config-missing", message)
    })?;
    let candidates = start.ancestors().flat_map(|folder| [folder.join(NAME), folder.join(FOLDER).join(NAME)]);
    let found = candidates.into_iter().find(|path| path.is_file());
    found.and_then(|path| fs_err::canonicalize(path).ok()).ok_or_else(|| {
        let message =
            format!("no `{NAME}` and no `{FOLDER}/{NAME}` in `{}` or any directory above it", start.display());
        Finding::error("config-missing", message).hint("`dunlin init` makes one; `--config FILE` names one elsewhere")
    })
}

/// The environment to use: required once there are environment files.
fn environment(request: &Request<'_>, folder: &Path) -> Result<Option<EnvironmentName>, Finding> {
    let known = environments(folder);
    let list = || words::choice(&known);
    match &request.environment {
        None if known.is_empty() => Ok(None),
        None => {
            let message = format!("this project has environments, and none is chosen: {}", list());
            Err(Finding::error("environment-required", message).hint("add `--env NAME`, or set DUNLIN_ENV"))
        }
        Some(name) if known.contains(name) => EnvironmentName::new(name)
            .map(Some)
            .map_err(|error| Finding::error("environment-unknown", error.to_string())),
        Some(name) => {
            let folder = disk::relative(folder.parent().unwrap_or(folder), folder);
            let message = format!("there is no environment `{}`: `{folder}/{0}.toml` does not exist", printable(name));
            let finding = Finding::error("environment-unknown", message);
            Err(match dunlin_planner::closest(name, known.iter().map(String::as_str)) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None if known.is_empty() => finding
                    .hint("this project has no environments: leave `--env` and DUNLIN_ENV out, or write that file"),
                None => finding.hint(format!("choose {}", list())),
            })
        }
    }
}

fn environments(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| !name.is_empty() && !name.starts_with('.') && name != "dunlin")
        .collect();
    names.sort();
    names
}
