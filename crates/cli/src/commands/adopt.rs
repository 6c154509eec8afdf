//! `dunlin adopt`: what a person says of a database that is not the one its ledger was made in.

use dunlin_planner::{Adoption, Failure, FailureClass, Finding, How, LedgerId, Scope, Selection, adopt};

use crate::args::{AdoptArgs, Format, Global};
use crate::confirm::confirm;
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, troubles};

/// Adopts the database of one target.
pub(crate) async fn run(global: &Global, args: &AdoptArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let target = workspace.target(&args.target)?;
    // What applied migrations of any database need may be lost in this one.
    let everything = Selection::of(&graph, &Scope::default())?;
    let observed = workspace.observe(&graph, &everything).await?;
    let troubles = troubles(&observed);
    if !troubles.is_empty() {
        return Err(Stop::Findings(troubles));
    }
    let how = if args.how.fork { How::Fork } else { How::AfterRestore };
    let adoption = adopt(&graph, &observed, &target, how, &args.reason).map_err(|finding| vec![finding])?;
    if args.format == Format::Text {
        terminal.say(&dunlin_render::adoption(&adoption, terminal.width));
    }
    ask(args, &adoption, terminal)?;
    let ledger = write(&workspace, &adoption).await?;
    match args.format {
        Format::Text => terminal.data(&dunlin_render::adopted(&adoption, &ledger)),
        Format::Json => terminal.data(&dunlin_render::adopted_json(&adoption, &ledger)),
    }
    Ok(Exit::Done)
}

fn ask(args: &AdoptArgs, adoption: &Adoption, terminal: Terminal) -> Result<(), Stop> {
    if args.yes {
        return Ok(());
    }
    let what = match adoption.how {
        How::Fork => "is a copy that goes its own way from here",
        How::AfterRestore => "takes the place of the database that its ledger was made in",
    };
    confirm(
        &format!("Write down that `{}` {what}?", adoption.target),
        "add --yes to adopt it without being asked",
        terminal,
    )
}

async fn write(workspace: &Workspace, adoption: &Adoption) -> Result<LedgerId, Stop> {
    let written = async {
        let driver = workspace.connectors().driver(&adoption.target).await?;
        let project = &workspace.catalog().project;
        let ledger = driver.adopt(project, adoption).await?;
        // What is not sealed now is sealed by the next run.
        driver.seal(project, None).await.ok();
        Ok::<_, Failure>(ledger)
    };
    written.await.map_err(|failure| {
        let what = match failure.class {
            FailureClass::Unknown => "nobody knows yet whether it was adopted",
            _ => "it was not adopted",
        };
        let message = format!("`{}`: {what}: {}", adoption.target, failure.message);
        let finding = Finding::error("adopt-failed", message).class(failure.class.finding());
        Stop::Findings(vec![Finding { hint: failure.hint, ..finding }])
    })
}
