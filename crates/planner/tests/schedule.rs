//! pg_cron's notation: what is a schedule, and when it runs next.

use dunlin_planner::Schedule;
use insta::assert_snapshot;

/// 2026-11-20 17:58, a Friday.
const NOW: i64 = 1_795_197_480;

fn read(text: &str) -> String {
    match Schedule::parse(text) {
        Err(error) => format!("{error} [{}]", &text[error.at.clone()]),
        Ok(schedule) => {
            let needs = schedule.needs().map(|(version, _)| format!(" from {version}")).unwrap_or_default();
            let next: Vec<_> = std::iter::successors(schedule.next(NOW), |last| schedule.next(*last)).take(2).collect();
            let next: Vec<_> = next.iter().map(|at| format!("+{}min", (at - NOW) / 60)).collect();
            format!("{schedule}{needs} {}", next.join(" ")).trim_end().to_owned()
        }
    }
}

#[test]
fn schedules() {
    let texts = [
        "* * * * *",
        "5 * * * *",
        "*/15 * * * *",
        "0 18 * * fri",
        "0 0 1 * *",
        "0 0 $ * *",
        "0 0 29 2 *",
        "0 0 31 2 *",
        "0 12 1,15 * Mon",
        "0 12 * * 7",
        "0 12 */2 * 0",
        "@daily",
        "@weekly",
        "@reboot",
        "30 seconds",
        "1 second",
    ];
    let lines: Vec<_> = texts.iter().map(|text| format!("{text}: {}", read(text))).collect();
    assert_snapshot!(lines.join("\n"), @"
    ");
}

#[test]
fn what_is_none() {
    let texts = [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * foo *",
        "* * * * 8",
        "5-1 * * * *",
        "5/2 * * * *",
        "*/0 * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "@dayly",
        "0 seconds",
        "60 seconds",
        "x seconds",
        "daily",
        "* * $5 * *",
    ];
    let lines: Vec<_> = texts.iter().map(|text| format!("{text}: {}", read(text))).collect();
    assert_snapshot!(lines.join("\n"), @"
    ");
}
