//! Moments and durations for people. Moments are UTC, so that two readers speak of the same one.

use std::time::Duration;

use dunlin_planner::Timestamp;

/// `2026-11-20 11:58:45`, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    format(at, "%Y-%m-%d %H:%M:%S")
}

/// `11:58:45Z`: in UTC, and it says so, since it stands alone.
pub(crate) fn clock(at: Timestamp) -> String {
    format(at, "%H:%M:%SZ")
}

/// RFC 3339 with microseconds, for machines.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S.%6fZ")
}

fn format(at: Timestamp, pattern: &str) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.strftime(pattern).to_string(),
        Err(_) => format!("{} µs", at.0),
    }
}

/// `12 ms`, `3.2 s`, `4 min 05 s`, `2 h 03 min`.
pub(crate) fn span(took: Duration) -> String {
    let (millis, seconds) = (took.as_millis(), took.as_secs());
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", took.subsec_millis() / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// From one moment to a later one of the same clock.
pub(crate) fn between(start: Timestamp, end: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(end.0 - start.0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_round_down() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 00 s"),
            (3_599_999, "59 min 59 s"),
            (7_380_000, "2 h 03 min"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn moments_are_utc_and_never_panic() {
        assert_eq!(moment(Timestamp(1_795_175_925_000_000)), "2026-11-20 11:58:45");
        assert_eq!(rfc3339(Timestamp(1)), "1970-01-01T00:00:00.000001Z");
        assert_eq!(clock(Timestamp(i64::MAX)), "9223372036854775807 µs");
    }
}
