//! What a server would refuse of declared jobs, and what of its jobs is not as it was left.

use dunlin_planner::{JobsVersion, LiveJob};

use crate::support::{Crontab, live};

type Change = fn(&mut Crontab);

/// A database of the project, and one that is switched off.
const TARGETS: &str = "target core postgres\n target spare postgres off";

/// The job calls what a migration makes in another database, which comes before.
const CALLS: &str = "
    target core postgres
    set crm core
    crm/1
    makes crm/1 crm.archive
    calls cron/jobs crm.archive core
";

fn check(lines: &str, found: fn(&Crontab) -> String, cases: &[(Change, &str)]) {
    for (change, expected) in cases {
        let mut crontab = Crontab::parse(lines);
        change(&mut crontab);
        assert_eq!(found(&crontab).trim_end(), *expected);
    }
}

fn works_in(cron: &mut Crontab, database: &str) {
    cron.job().database = Some(database.to_owned());
}

#[test]
fn a_job_works_in_a_database_of_its_own_server() {
    check(
        TARGETS,
        Crontab::found_by_up,
        &[
            (|cron| works_in(cron, "core"), ""),
            (
                |cron| {
                    works_in(cron, "core");
                    cron.target("core").identity.system = "8".into();
                },
                "error job-database Invalid: job `nightly` works in `core`, which is on another server than `jobs` (line 1)\n  \
                 hint: jobs of pg_cron work in databases of their own server",
            ),
            // Of two servers one of which does not say which it is, nobody knows that they are two.
            (
                |cron| {
                    works_in(cron, "core");
                    cron.target("core").identity.system = String::new();
                    cron.target("core").identity.timeline = 0;
                },
                "",
            ),
            (
                |cron| {
                    works_in(cron, "core");
                    cron.target("jobs").identity.system = String::new();
                    cron.target("jobs").identity.timeline = 0;
                },
                "",
            ),
            (
                |cron| works_in(cron, "spare"),
                "error job-database Invalid: job `nightly` works in `spare`, which is switched off in this environment (line 1)\n  \
                 hint: switch the target on, or its set's target off",
            ),
            (
                |cron| {
                    works_in(cron, "billing");
                    cron.server().databases.insert("billing".into());
                },
                "",
            ),
            (
                |cron| works_in(cron, "billing"),
                "error job-database Invalid: job `nightly` works in `billing`, which is neither a target nor a database of \
                 this server (line 1)",
            ),
            (
                |cron| works_in(cron, "jobz"),
                "error job-database Invalid: job `nightly` works in `jobz`, which is neither a target nor a database of this \
                 server (line 1)\n  hint: did you mean `jobs`?",
            ),
        ],
    );
}

#[test]
fn a_job_runs_as_a_role_that_whoever_asks_may_speak_for() {
    fn of(cron: &mut Crontab, user: &str, superuser: bool) {
        cron.job().user = Some(user.to_owned());
        cron.server().superuser = superuser;
        cron.server().roles.insert("reporter".into());
    }
    let foreign = "error job-user Invalid: job `nightly` runs as `reporter`, and only a superuser makes jobs of others: \
                   `dunlin` is none (line 1)";
    let nobody = "error job-user Invalid: job `nightly` runs as `ghost`, which is no role of the server that may log in (line 1)";
    check(
        "",
        Crontab::found_by_up,
        &[
            (|cron| of(cron, "dunlin", false), ""),
            (|cron| of(cron, "reporter", false), foreign),
            (|cron| of(cron, "reporter", true), ""),
            (|cron| of(cron, "ghost", true), nobody),
        ],
    );
}

/// A migration that runs first may make the database, or the role.
#[test]
fn what_a_step_before_may_make_is_a_warning() {
    check(
        CALLS,
        Crontab::found_by_up,
        &[
            (
                |cron| works_in(cron, "warehouse"),
                "warning job-database Invalid: job `nightly` works in `warehouse`, which is neither a target nor a database of \
                 this server, unless a step before makes it (line 1)",
            ),
            (
                |cron| {
                    cron.server().superuser = true;
                    cron.job().user = Some("ghost".into());
                },
                "warning job-user Invalid: job `nightly` runs as `ghost`, which is no role of the server that may log in, \
                 unless a step before makes it (line 1)",
            ),
        ],
    );
}

#[test]
fn an_old_pg_cron_knows_neither_seconds_nor_last_days_nor_long_names() {
    let long = "n".repeat(64);
    let knows = |what: &str| {
        format!(
            "error job-schedule Invalid: job `nightly` has {what}, which pg_cron knows from 1.6 on, and the server has 1.5 (line 1)\n"
        )
    };
    let cuts = format!(
        "error job-name Invalid: the name of job `{long}` has 64 bytes, and pg_cron 1.5 would cut it off after 63 (line 1)\n"
    );
    let cases = [
        ("nightly", "0 2 * * *", String::new()),
        ("nightly", "30 seconds", knows("a schedule of seconds")),
        ("nightly", "0 2 $ * *", knows("`$` for the last day of the month")),
        (&long[1..], "0 2 * * *", String::new()),
        (&long, "0 2 * * *", cuts),
    ];
    for (name, schedule, refused) in cases {
        for (version, expected) in
            [(JobsVersion(1, 5), refused.as_str()), (JobsVersion(1, 6), ""), (JobsVersion(1, 10), "")]
        {
            let mut crontab = Crontab::parse("");
            crontab.server().version = version;
            crontab.job().name = name.to_owned();
            crontab.job().schedule = schedule.to_owned();
            assert_eq!(crontab.found_by_up(), expected, "{name} {schedule} on {version}");
        }
    }
}

#[test]
fn versions_of_pg_cron() {
    let cases = [
        ("1.6", "1.6"),
        ("1.6-1", "1.6"),
        ("1.10.2", "1.10"),
        ("1.5devel", "1.5"),
        ("", "none"),
        ("1", "none"),
        ("1.x", "none"),
        ("x.6", "none"),
    ];
    for (text, expected) in cases {
        let version = JobsVersion::parse(text);
        assert_eq!(version.map_or("none".to_owned(), |version| version.to_string()), expected, "{text}");
    }
}

#[test]
fn a_role_needs_only_the_functions_that_the_plan_calls() {
    let cases: [(Change, Option<&str>); _] = [
        (|cron| cron.server().live.clear(), Some("schedule_in_database")),
        (|cron| cron.live().schedule = "0 3 * * *".into(), Some("alter_job")),
        (|cron| cron.declare("cron/jobs", Vec::new()), Some("unschedule")),
        // To take a job over as it is, nothing is called.
        (|cron| cron.server().applied.clear(), None),
    ];
    let all = ["alter_job", "schedule", "schedule_in_database", "unschedule"];
    for (change, needed) in cases {
        for denied in all {
            let mut crontab = Crontab::parse("");
            change(&mut crontab);
            crontab.server().denied = vec![denied.to_owned()];
            let refused = format!(
                "error job-denied Failed: role `dunlin` may not execute `cron.{denied}`\n  \
                 hint: GRANT EXECUTE ON FUNCTION cron.{denied} TO \"dunlin\"; as a superuser\n"
            );
            assert_eq!(crontab.found_by_up(), if needed == Some(denied) { &refused } else { "" });
        }
    }
}

#[test]
fn status_finds_what_was_changed_by_hand() {
    let hint = "\n  hint: `dunlin up` puts it right; or declare it as it is";
    let by_hand = |what: &str| {
        format!("error job-drift Drift: job `nightly` of `jobs` was changed by hand: {what} (line 1){hint}")
    };
    let cases: [(Change, String); _] = [
        (|_| {}, String::new()),
        (
            |cron| cron.server().live.clear(),
            format!("error job-drift Drift: job `nightly` of `jobs` is not there any more (line 1){hint}"),
        ),
        (
            |cron| {
                let live = cron.live();
                (live.schedule, live.command, live.active) = ("0 3 * * *".into(), "SELECT 2".into(), false);
            },
            by_hand("schedule is `0 3 * * *` and was `0 2 * * *`, its command, it is paused"),
        ),
        (
            |cron| {
                cron.job().active = false;
                cron.left().active = false;
            },
            by_hand("it goes on"),
        ),
        // The file says something new, and the next `up` applies it.
        (|cron| cron.job().schedule = "0 3 * * *".into(), String::new()),
        (|cron| cron.declare("cron/jobs", Vec::new()), String::new()),
    ];
    for (change, expected) in cases {
        check("", Crontab::found_by_status, &[(change, &expected)]);
    }
    // Jobs of a set that was taken back are nobody's.
    check("row jobs cron/jobs reverted", Crontab::found_by_status, &[(|cron| cron.server().live.clear(), "")]);
}

/// Those that Dunlin made are an error; it only warns of others.
#[test]
fn status_finds_jobs_of_databases_that_are_gone() {
    fn foreign(cron: &mut Crontab, name: &str, change: impl FnOnce(&mut LiveJob)) {
        let mut job = LiveJob { name: name.to_owned(), database: "dropped".to_owned(), ..live(7, "anna") };
        change(&mut job);
        cron.server().live.push(job);
    }
    let orphan = |severity: &str, job: &str, id: u64| {
        format!(
            "{severity} job-orphan Drift: job {job} of `jobs` works in database `dropped`, which is not there any more\n  \
             hint: each of its runs fails: SELECT cron.unschedule({id});"
        )
    };
    let cases: [(Change, String); _] = [
        (
            |cron| {
                works_in(cron, "dropped");
                cron.left().database = "dropped".into();
                cron.live().database = "dropped".into();
            },
            orphan("error", "`nightly`", 1),
        ),
        (|cron| foreign(cron, "cleanup", |_| {}), orphan("warning", "`cleanup`", 7)),
        (|cron| foreign(cron, "", |_| {}), orphan("warning", "7", 7)),
        (|cron| foreign(cron, "cleanup", |job| job.active = false), String::new()),
        (|cron| foreign(cron, "cleanup", |job| job.database = "jobs".into()), String::new()),
    ];
    for (change, expected) in cases {
        check("", Crontab::found_by_status, &[(change, &expected)]);
    }
}

#[test]
fn status_finds_jobs_that_call_what_is_not_there() {
    let calls_nothing = "error job-orphan Drift: job `nightly` of `cron/jobs` calls `crm.archive`, which `crm/1` makes, and that is not applied (line 11)\n  \
         hint: each of its runs fails: `dunlin up` applies it, or take the job back";
    let cases = [
        ("", calls_nothing),
        ("row core crm/1 reverted", calls_nothing),
        ("row core crm/1 applied", ""),
        // Nobody knows what is there.
        ("unreachable core", ""),
        // The job is not there either.
        ("row jobs cron/jobs reverted", ""),
    ];
    for (line, expected) in cases {
        check(&format!("{CALLS}{line}"), Crontab::found_by_status, &[(|_| {}, expected)]);
    }
}
