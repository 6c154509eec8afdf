//! `dunlin init`: a dunlin.toml to start from, or the SQL of the roles.

use dunlin_planner::ProjectName;

use crate::args::InitArgs;
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;

/// Writes dunlin.toml into the directory, and never over one that is there.
pub(crate) fn run(args: &InitArgs, terminal: Terminal) -> Result<Exit, Stop> {
    if args.roles {
        terminal.data(&dunlin_driver_postgres::roles_script());
        return Ok(Exit::Done);
    }
    let file = args.dir.join("dunlin.toml");
    if file.exists() {
        let message = format!("`{}` is there already", file.display());
        return Err(Stop::because("init-refused", message, "edit it; `dunlin validate` says what is wrong with it"));
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => directory_name(args),
    };
    let name = ProjectName::new(&name)
        .map_err(|error| Stop::because("name-invalid", error.to_string(), "give the project a name with --name"))?;
    let text = include_str!("init.toml").replace("PROJECT", name.as_str());
    fs_err::create_dir_all(args.dir.join("migrations/app"))
        .and_then(|()| fs_err::write(&file, text))
        .map_err(|error| Stop::because("init-failed", error.to_string(), "choose a directory that you may write to"))?;
    terminal.data(&format!(
        "wrote {}\nnext: dunlin new app create users table, then dunlin plan (DATABASE_URL names the database)",
        file.display()
    ));
    Ok(Exit::Done)
}

fn directory_name(args: &InitArgs) -> String {
    let whole = fs_err::canonicalize(&args.dir).unwrap_or_else(|_| args.dir.clone());
    whole.file_name().map_or_else(|| "app".to_owned(), |name| name.to_string_lossy().into_owned())
}
