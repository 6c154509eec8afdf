//! Sets of jobs: an applied one is planned again where the server's jobs are otherwise, and what a plan does to each job.

use dunlin_planner::{Graph, Job, Scope, Selection, Word};

use crate::support::{Crontab, live, nightly};

type Change = fn(&mut Crontab);

/// What `up` does where these lines stand, and this is otherwise.
fn up(lines: &str, change: impl FnOnce(&mut Crontab)) -> String {
    let mut crontab = Crontab::parse(lines);
    change(&mut crontab);
    crontab.up().trim_end().to_owned()
}

fn check(lines: &str, cases: &[(Change, &str)]) {
    for (change, expected) in cases {
        assert_eq!(up(lines, change), *expected);
    }
}

#[test]
fn what_somebody_did_by_hand_is_put_right() {
    assert_eq!(up("", |_| {}), "");
    assert_eq!(up("", |cron| cron.server().live.clear()), "cron/jobs once more: create nightly in jobs by hand");
    let cases: [(Change, &str); _] = [
        (|cron| cron.live().schedule = "0 3 * * *".into(), "schedule `0 3 * * *` to `0 2 * * *`!"),
        (|cron| cron.live().command = "SELECT 2".into(), "command `SELECT 2` to `SELECT 1`!"),
        (|cron| cron.live().database = "core".into(), "database `core` to `jobs`!"),
        (|cron| cron.live().active = false, "active `false` to `true`!"),
        (
            |cron| {
                cron.live().active = false;
                cron.job().schedule = "0 3 * * *".into();
            },
            "schedule `0 2 * * *` to `0 3 * * *`, active `false` to `true`!",
        ),
    ];
    for (change, what) in cases {
        assert_eq!(up("", change), format!("cron/jobs once more: alter nightly#1 by hand, {what}"));
    }
}

/// What the file says anew is nobody's hand, whether the job is still there or not.
#[test]
fn an_edited_file_is_applied() {
    let cases: [(Change, &str); _] = [
        (|cron| cron.job().schedule = "0 3 * * *".into(), "schedule `0 2 * * *` to `0 3 * * *`"),
        (|cron| cron.job().command = "SELECT 2".into(), "command `SELECT 1` to `SELECT 2`"),
        (|cron| cron.job().database = Some("core".into()), "database `jobs` to `core_prod`"),
        (|cron| cron.job().user = Some("anna".into()), "user `dunlin` to `anna`"),
        (|cron| cron.job().active = false, "active `true` to `false`"),
    ];
    for (change, what) in cases {
        let prepared = |cron: &mut Crontab| {
            cron.target("core").database = "core_prod".into();
            cron.server().superuser = true;
            cron.server().roles.insert("anna".into());
            change(cron);
        };
        let lines = "target core postgres\n row jobs cron/jobs edited";
        assert_eq!(up(lines, prepared), format!("cron/jobs: alter nightly#1, {what}"));
        let database = if what.contains("core_prod") { "core_prod" } else { "jobs" };
        let removed = |cron: &mut Crontab| {
            prepared(cron);
            cron.server().live.clear();
        };
        assert_eq!(up(lines, removed), format!("cron/jobs: create nightly in {database}"));
    }
}

#[test]
fn a_job_of_a_role_goes_back_to_it() {
    let given_away: Change = |cron| {
        cron.server().superuser = true;
        cron.server().roles.insert("anna".into());
        cron.job().user = Some("anna".into());
        cron.left().user = Some("anna".into());
    };
    check("", &[(given_away, "cron/jobs once more: alter nightly#1 by hand, user `dunlin` to `anna`!")]);
}

#[test]
fn what_a_person_said_counts_more_than_the_file() {
    fn said(cron: &mut Crontab, active: bool) {
        cron.server().words.insert(1, Word { active, by: "anna".into(), reason: None });
    }
    let paused_again = "cron/jobs once more: alter nightly#1 by hand, active `true` to `false`!";
    check(
        "",
        &[
            (
                |cron| {
                    said(cron, false);
                    cron.live().active = false;
                },
                "",
            ),
            (|cron| said(cron, false), paused_again),
            // The file says by now what the person said.
            (
                |cron| {
                    said(cron, false);
                    cron.job().active = false;
                },
                paused_again,
            ),
            (
                |cron| {
                    said(cron, true);
                    cron.job().active = false;
                    cron.left().active = false;
                },
                "",
            ),
        ],
    );
}

#[test]
fn a_job_that_nobody_left_behind_is_taken_over() {
    check(
        "row jobs cron/jobs reverted",
        &[
            (|cron| cron.server().applied.clear(), "cron/jobs: adopt nightly#1"),
            (
                |cron| {
                    cron.server().applied.clear();
                    cron.live().schedule = "0 3 * * *".into();
                },
                "cron/jobs: adopt nightly#1, schedule `0 3 * * *` to `0 2 * * *`",
            ),
            // It was another set's, which declares it no longer.
            (
                |cron| {
                    let left = cron.left().clone();
                    cron.server().applied = [("billing/jobs".parse().unwrap(), vec![left])].into();
                },
                "cron/jobs:",
            ),
        ],
    );
}

#[test]
fn a_job_is_known_by_its_role_or_as_the_only_one_of_its_name() {
    fn of(cron: &mut Crontab, users: &[&str]) {
        cron.server().live = (1..).zip(users).map(|(id, user)| live(id, user)).collect();
        cron.job().schedule = "0 3 * * *".into();
    }
    let altered = |id: u64| format!("cron/jobs: alter nightly#{id}, schedule `0 2 * * *` to `0 3 * * *`");
    let cases: [(Change, String); _] = [
        (|cron| of(cron, &["anna"]), altered(1)),
        (|cron| of(cron, &["anna", "dunlin"]), altered(2)),
        (
            |cron| {
                of(cron, &["dunlin", "anna"]);
                cron.server().superuser = true;
                cron.server().roles.insert("anna".into());
                cron.job().user = Some("anna".into());
                cron.left().user = Some("anna".into());
            },
            altered(2),
        ),
        (
            |cron| of(cron, &["anna", "bert"]),
            "cron/jobs: \n\
             error job-ambiguous Invalid: the server has several jobs `nightly`, of `anna` and `bert` (line 1)\n  \
             hint: say which is meant: user = \"…\""
                .to_owned(),
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(up("row jobs cron/jobs edited", change), expected);
    }
}

/// Nor is an applied set settled whose jobs are not known apart.
#[test]
fn an_applied_set_whose_jobs_are_not_known_apart_is_refused() {
    let several = |cron: &mut Crontab| cron.server().live = vec![live(1, "anna"), live(2, "bert")];
    assert!(up("", several).starts_with("cron/jobs: \nerror job-ambiguous"));
}

#[test]
fn a_job_that_is_declared_no_longer_goes_unless_another_set_of_its_server_has_it() {
    fn moved(cron: &mut Crontab) {
        cron.declare("cron/jobs", Vec::new());
        cron.declare("billing/jobs", vec![nightly()]);
    }
    let billing = |target: &str| format!("set billing {target}\n billing/jobs repeatable\n row {target} billing/jobs");
    let removed = "cron/jobs once more: remove nightly#1";
    check("", &[(|cron| cron.declare("cron/jobs", Vec::new()), removed)]);
    check(&billing("jobs"), &[(moved, "")]);
    check(&format!("target far cron\n {}", billing("far")), &[(moved, removed)]);
}

#[test]
fn taking_a_set_back_removes_its_jobs() {
    assert_eq!(Crontab::parse("").down(), "cron/jobs: remove nightly#1\n");
}

#[test]
fn a_selection_reads_the_databases_that_its_jobs_work_in() {
    let mut crontab = Crontab::parse("target core postgres\n target spare postgres off\n target idle postgres");
    let job = |database: &str| Job { database: Some(database.to_owned()), ..nightly() };
    let declared = ["core", "spare", "none"].map(job).into_iter().chain([nightly()]).collect();
    crontab.declare("cron/jobs", declared);
    let graph = Graph::build(&crontab.0.catalog).unwrap();
    let scope = Scope { sets: vec!["cron".to_owned()], ..Scope::default() };
    let targets = Selection::of(&graph, &scope).unwrap().targets(&graph);
    assert_eq!(targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["core", "jobs"]);
}
