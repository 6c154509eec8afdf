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
    * * * * *: by the clock +1min +2min
    5 * * * *: by the clock +7min +67min
    */15 * * * *: by the clock +2min +17min
    0 18 * * fri: by the clock +2min +10082min
    0 0 1 * *: by the clock +14762min +59402min
    0 0 $ * *: by the clock from 1.6 +13322min +57962min
    0 0 29 2 *: by the clock +669962min +2773802min
    0 0 31 2 *: by the clock
    0 12 1,15 * Mon: by the clock +3962min +14042min
    0 12 * * 7: by the clock +2522min +12602min
    0 12 */2 * 0: by the clock +12602min +32762min
    @daily: by the clock +362min +1802min
    @weekly: by the clock +1802min +11882min
    @reboot: when the server starts
    30 seconds: every 30 seconds from 1.6
    1 second: every second from 1.6
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
        "0,30,61 * * * *",
        "-1 * * * *",
        "+5 * * * *",
        "*/+5 * * * *",
        "@dayly",
        "0 seconds",
        "60 seconds",
        "x seconds",
        "5 minutes",
        "daily",
        "* * $5 * *",
    ];
    let lines: Vec<_> = texts.iter().map(|text| format!("{text}: {}", read(text))).collect();
    assert_snapshot!(lines.join("\n"), @"
    : the schedule is empty []
    * * * *: it has 4 fields, and a schedule has five: minute, hour, day, month, weekday [* * * *]
    * * * * * *: it has 6 fields, and a schedule has five: minute, hour, day, month, weekday [* * * * * *]
    60 * * * *: `60` is no minute from 0 to 59 [60]
    * 24 * * *: `24` is no hour from 0 to 23 [24]
    * * 0 * *: `0` is no day of the month from 1 to 31 [0]
    * * * 13 *: `13` is no month from 1 to 12 [13]
    * * * foo *: `foo` is no month from 1 to 12 [foo]
    * * * * 8: `8` is no day of the week from 0 to 7 [8]
    5-1 * * * *: `5-1` runs backwards, and would never come [5-1]
    5/2 * * * *: `5/2`: a step stands behind `*` or a range [5/2]
    */0 * * * *: `*/0`: a step is a number from 1 on [*/0]
    1,,2 * * * *: `` is no minute from 0 to 59 []
    0,30,61 * * * *: `61` is no minute from 0 to 59 [61]
    -1 * * * *: `` is no minute from 0 to 59 [-1]
    +5 * * * *: `+5` is no minute from 0 to 59 [+5]
    */+5 * * * *: `*/+5`: a step is a number from 1 on [*/+5]
    @dayly: `@dayly` is no schedule; did you mean `@daily`? [@dayly]
    0 seconds: `0` is no number of seconds from 1 to 59 [0]
    60 seconds: `60` is no number of seconds from 1 to 59 [60]
    x seconds: `x` is no number of seconds from 1 to 59 [x]
    5 minutes: it has 2 fields, and a schedule has five: minute, hour, day, month, weekday [5 minutes]
    daily: it has 1 field, and a schedule has five: minute, hour, day, month, weekday [daily]
    * * $5 * *: `$5` is no day of the month from 1 to 31 [$5]
    ");
}

/// Through the four centuries after which all comes again, counted month by month.
#[test]
fn months_begin_and_end_as_in_the_calendar() {
    const DAY: i64 = 24 * 60 * 60;
    let schedule = |text: &str| Schedule::parse(text).unwrap();
    let firsts: Vec<_> = (1..=12).map(|month| schedule(&format!("0 0 1 {month} *"))).collect();
    let last = schedule("0 0 $ * *");
    let mut day = 0;
    for year in 1970..=2400 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (first, length) in firsts.iter().zip(lengths) {
            assert_eq!(first.next(day * DAY - 1), Some(day * DAY), "the month on day {day}, of {year}");
            assert_eq!(last.next(day * DAY), Some((day + length - 1) * DAY), "the month on day {day}, of {year}");
            day += length;
        }
    }
}
