//! When a job runs: pg_cron's notation, which is cron's with `N seconds` and `$` for a month's last day from 1.6 on.
//!
//! What is read here the server takes as well, of its version; a range that runs backwards, which the server takes and never
//! runs, is refused.

use std::fmt;
use std::ops::Range;

use super::facts::JobsVersion;
use super::time::Day;

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(When);

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// Every so many seconds.
    Seconds(u32),
    /// When the server starts.
    Start,
    Fields(Box<Fields>),
}

/// Sets of numbers as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day's field begins with a star: then the weekday's has to fit as well, else one of both.
    any_day: bool,
    any_weekday: bool,
    last_day: bool,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ScheduleError {
    /// What is wrong.
    pub why: String,
    /// The bytes of the text that are.
    pub at: Range<usize>,
}

/// One of the five fields.
struct Field {
    what: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { what: "minute", low: 0, high: 59, names: &[] },
    Field { what: "hour", low: 0, high: 23, names: &[] },
    Field { what: "day of the month", low: 1, high: 31, names: &[] },
    Field { what: "month", low: 1, high: 12, names: &MONTHS },
    Field { what: "day of the week", low: 0, high: 7, names: &WEEKDAYS },
];

const SHORTHANDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// [`ScheduleError`] with the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let words = words(text);
        let fail = |at: Range<usize>, why: String| Err(ScheduleError { why, at });
        match words.as_slice() {
            [] => fail(0..text.len(), "the schedule is empty".to_owned()),
            [word] if text[word.clone()].starts_with('@') => {
                let name = &text[word.clone()];
                if name == "@reboot" {
                    return Ok(Self(When::Start));
                }
                match SHORTHANDS.iter().find(|(known, _)| *known == name) {
                    Some((_, meant)) => Self::parse(meant),
                    None => {
                        let near = crate::closest(name, SHORTHANDS.iter().map(|(known, _)| *known));
                        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        fail(word.clone(), format!("`{name}` is no schedule{near}"))
                    }
                }
            }
            [number, unit] if is_second(&text[unit.clone()]) => match text[number.clone()].parse() {
                Ok(seconds @ 1..=59) => Ok(Self(When::Seconds(seconds))),
                _ => fail(number.clone(), format!("`{}` is no number of seconds from 1 to 59", &text[number.clone()])),
            },
            [_, _, _, _, _] => fields(text, &words),
            [first, .., last] => fail(
                first.start..last.end,
                format!("it has {} fields, and a schedule has five: minute, hour, day, month, weekday", words.len()),
            ),
            [word] => fail(
                word.clone(),
                "it has 1 field, and a schedule has five: minute, hour, day, month, weekday".to_owned(),
            ),
        }
    }

    /// The version of pg_cron that it needs, and what for.
    #[must_use]
    pub fn needs(&self) -> Option<(JobsVersion, &'static str)> {
        match &self.0 {
            When::Seconds(_) => Some((JobsVersion::SECONDS, "a schedule of seconds")),
            When::Fields(fields) if fields.last_day => {
                Some((JobsVersion::SECONDS, "`$` for the last day of the month"))
            }
            When::Fields(_) | When::Start => None,
        }
    }

    /// The first minute after `after` in which it runs, both in seconds since 1970 on the clock that the server's schedules go
    /// by; none where it goes by seconds or starts of the server, or never comes.
    #[must_use]
    pub fn next(&self, after: i64) -> Option<i64> {
        let When::Fields(fields) = &self.0 else { return None };
        let from = after.div_euclid(60) + 1;
        let first = from.div_euclid(24 * 60);
        // The 29th of February may be eight years away.
        for number in first..first + 366 * 9 {
            let day = Day::of(number);
            if !fields.fits(&day) {
                continue;
            }
            let begin = if number == first { from.rem_euclid(24 * 60) } else { 0 };
            let minute =
                (begin..24 * 60).find(|minute| has(fields.hours, minute / 60) && has(fields.minutes, minute % 60));
            if let Some(minute) = minute {
                return Some((number * 24 * 60 + minute) * 60);
            }
        }
        None
    }
}

impl Fields {
    fn fits(&self, day: &Day) -> bool {
        let by_day = has(self.days, day.day) || (self.last_day && day.ends_month());
        let by_weekday = has(self.weekdays, day.weekday);
        let fits = if self.any_day || self.any_weekday { by_day && by_weekday } else { by_day || by_weekday };
        has(self.months, day.month) && fits
    }
}

fn has(set: u64, number: i64) -> bool {
    u32::try_from(number).is_ok_and(|number| set >> number & 1 == 1)
}

fn is_second(word: &str) -> bool {
    word.eq_ignore_ascii_case("second") || word.eq_ignore_ascii_case("seconds")
}

/// The ranges of the words of a text.
fn words(text: &str) -> Vec<Range<usize>> {
    let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    words.map(|word| start(word)..start(word) + word.len()).collect()
}

fn fields(text: &str, words: &[Range<usize>]) -> Result<Schedule, ScheduleError> {
    let star = |number: usize| text[words[number].clone()].starts_with('*');
    let last_day = &text[words[2].clone()] == "$";
    let read = |number: usize| list(&FIELDS[number], text, words[number].clone());
    let weekdays = read(4)?;
    let fields = Fields {
        minutes: read(0)?,
        hours: read(1)?,
        days: if last_day { 0 } else { read(2)? },
        months: read(3)?,
        // Sunday is 0 and 7.
        weekdays: if weekdays & 0b1000_0001 == 0 { weekdays } else { weekdays | 0b1000_0001 },
        any_day: star(2),
        any_weekday: star(4),
        last_day,
    };
    Ok(Schedule(When::Fields(Box::new(fields))))
}

/// A list of parts, each `*`, a number, or a range of two, the first and the last perhaps with a step.
fn list(field: &Field, text: &str, range: Range<usize>) -> Result<u64, ScheduleError> {
    let mut set = 0;
    let mut start = range.start;
    for part in text[range].split(',') {
        let at = start..start + part.len();
        start = at.end + 1;
        set |= field.part(part).map_err(|why| ScheduleError { why, at })?;
    }
    Ok(set)
}

impl Field {
    fn part(&self, part: &str) -> Result<u64, String> {
        let (span, step) = part.split_once('/').map_or((part, None), |(span, step)| (span, Some(step)));
        let (low, high) = match span.split_once('-') {
            _ if span == "*" => (self.low, self.high),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            None if step.is_some() => return Err(format!("`{part}`: a step stands behind `*` or a range")),
            None => self.number(span).map(|number| (number, number))?,
        };
        if low > high {
            return Err(format!("`{part}` runs backwards, and would never come"));
        }
        let step = match step.map(digits) {
            None => 1,
            Some(Some(step @ 1..=99)) => step,
            Some(_) => return Err(format!("`{part}`: a step is a number from 1 on")),
        };
        Ok((low..=high).step_by(step as usize).map(|number| 1 << number).sum())
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let by_name = || self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(place) = by_name() {
            return Ok(self.low + u32::try_from(place).expect("there are at most twelve"));
        }
        match digits(text) {
            Some(number) if (self.low..=self.high).contains(&number) => Ok(number),
            _ => Err(format!("`{text}` is no {} from {} to {}", self.what, self.low, self.high)),
        }
    }
}

/// A number of digits alone: pg_cron takes no sign.
fn digits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            When::Seconds(1) => f.write_str("every second"),
            When::Seconds(seconds) => write!(f, "every {seconds} seconds"),
            When::Start => f.write_str("when the server starts"),
            When::Fields(_) => f.write_str("by the clock"),
        }
    }
}
