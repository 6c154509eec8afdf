//! `jobs.toml` beside plain SQL.

use std::fmt::Write as _;

use dunlin_project::Project;
use insta::assert_snapshot;

use crate::fixture::{ONE_SET, shown};

/// The jobs that were read, and what was found.
fn view(project: &Project) -> String {
    let mut text = String::new();
    for migration in &project.catalog.migrations {
        let Some(jobs) = &migration.up.jobs else { continue };
        let depends: Vec<_> = migration.depends.iter().map(|one| one.text.as_str()).collect();
        writeln!(text, "{} {:?} needs [{}]", migration.id, migration.kind, depends.join(" ")).unwrap();
        for job in &jobs.declared {
            let (database, user) = (job.database.as_deref().unwrap_or("-"), job.user.as_deref().unwrap_or("-"));
            writeln!(
                text,
                "  {} [{}] in {database} as {user} {} at {}:{}: {}",
                job.name, job.schedule, job.active, job.place.line, job.place.column, job.command
            )
            .unwrap();
        }
    }
    for finding in &project.catalog.findings {
        let at = finding.place.as_ref().map(|at| format!("{}:{}:{}", at.file, at.line, at.column)).unwrap_or_default();
        let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        writeln!(text, "{} {at}: {}{hint}", finding.code, finding.message).unwrap();
    }
    text
}

fn check(jobs: &str) -> String {
    let config = ONE_SET.replace("url = \"embedded\"", "kind = \"cron\"\nurl = \"embedded\"");
    shown(&format!("{config}//- m/V1__a.sql\nselect 1\n//- m/jobs.toml\n{jobs}"), view)
}

fn checksum(jobs: &str) -> String {
    let config = ONE_SET.replace("url = \"embedded\"", "kind = \"cron\"\nurl = \"embedded\"");
    shown(&format!("{config}//- m/jobs.toml\n{jobs}"), |project| project.catalog.migrations[0].up.digest.to_string())
}

#[test]
fn jobs_are_one_repeatable_migration_of_their_set() {
    assert_snapshot!(check(r#"depends = ["s/1"]

[jobs.nightly]
schedule = "15 3 * * mon-fri"
command = "CALL a.b()"
database = "metrics"

[jobs."with blank"]
schedule = "30 seconds"
command = "SELECT 1"
user = "clerk"
active = false
"#), @"
    s/jobs Repeatable needs [s/1]
      nightly [15 3 * * mon-fri] in metrics as - true at 3:7: CALL a.b()
      with blank [30 seconds] in - as clerk false at 8:7: SELECT 1
    ");
    assert_snapshot!(check("[[jobs]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = \"SELECT 1\"\n"), @"
    s/jobs Repeatable needs []
      a [@daily] in - as - true at 2:1: SELECT 1
    ");
    assert_snapshot!(check(""), @"s/jobs Repeatable needs []");
}

#[test]
fn only_what_is_declared_counts() {
    let one = "[jobs.a]\nschedule = \"@daily\"\ncommand = \"x\"\n[jobs.b]\nschedule = \"@hourly\"\ncommand = \"y\"\n";
    let other = "# again\n[[jobs]]\nname = \"b\"\nschedule = \"@hourly\"\ncommand = \"y\"\nactive = true\n[[jobs]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = \"x\"\n";
    assert_eq!(checksum(one), checksum(other));
    assert_ne!(checksum(one), checksum(&one.replace("\"y\"", "\"z\"")));
}

#[test]
fn everything_wrong_has_its_place() {
    assert_snapshot!(check(r#"job = 1
[jobs.a]
schedul = "@daily"
command = 7
[jobs.b]
schedule = "61 * * * *"
command = "SELECT 1"
name = "c"
[jobs.dunlin-x]
schedule = "@dayly"
command = "SELECT 1"
"#), @"
    s/jobs Repeatable needs []
      b [61 * * * *] in - as - true at 8:1: SELECT 1
      dunlin-x [@dayly] in - as - true at 9:7: SELECT 1
    config-key-unknown m/jobs.toml:1:1: `job` is not a key that Dunlin knows (did you mean `jobs`?)
    config-key-unknown m/jobs.toml:3:1: `jobs.a.schedul` is not a key that Dunlin knows (did you mean `schedule`?)
    config-value m/jobs.toml:4:11: `jobs.a.command` must be text, not a number
    config-missing-key m/jobs.toml:2:7: job `a` has no schedule (add `schedule = \"…\"`)
    config-value m/jobs.toml:8:1: `jobs.b.name` says again what it is called (its name is the table's: [jobs.NAME])
    job-schedule m/jobs.toml:6:12: job `b` has no valid schedule: `61` is no minute from 0 to 59 (minute hour day month weekday, as in `15 3 * * mon-fri`; `@daily`; or `30 seconds` from pg_cron 1.6 on)
    job-name m/jobs.toml:9:7: job `dunlin-x`: names that begin with `dunlin-` are Dunlin's own (give it another name)
    job-schedule m/jobs.toml:10:12: job `dunlin-x` has no valid schedule: `@dayly` is no schedule; did you mean `@daily`? (minute hour day month weekday, as in `15 3 * * mon-fri`; `@daily`; or `30 seconds` from pg_cron 1.6 on)
    ");
    let one = "[[jobs]]\nname = \"a\"\nschedule = \"5-1 * * * *\"\ncommand = \"x\"\n";
    for (text, said) in [
        ("[[jobs]]\nschedule = \"@daily\"\ncommand = \"x\"\n".to_owned(), "a job has no name"),
        (one.to_owned(), "job `a` has no valid schedule: `5-1` runs backwards, and would never come"),
        (one.repeat(2), "job-duplicate m/jobs.toml:6:1: job `a` is declared twice"),
        ("jobs = 3".to_owned(), "m/jobs.toml:1:8: `jobs` must be tables, [jobs.NAME] or [[jobs]], not a number"),
        ("jobs = [3]".to_owned(), "m/jobs.toml:1:9: a job must be a table, not a number"),
        ("[jobs.a".to_owned(), "config-syntax m/jobs.toml"),
    ] {
        let found = check(&text);
        assert!(found.contains(said), "{text}\n{found}");
    }
}

#[test]
fn jobs_belong_into_a_set_of_pg_crons_database() {
    assert_snapshot!(shown(&format!("{ONE_SET}//- m/V1__a.sql\nselect 1\n//- m/jobs.toml\n"), view), @"
    jobs-unsupported m/jobs.toml:1:1: `m/jobs.toml` declares jobs of pg_cron, and the target `db` of set `s` is of kind `postgres` (move it to a set of the target of kind `cron`; or leave it out: exclude = [\"jobs.toml\"])
    ");
}
