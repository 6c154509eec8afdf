//! Days of the calendar, without clocks and zones.

/// A day.
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// From 0 for Sunday.
    pub(super) weekday: i64,
}

impl Day {
    /// The day with this number since 1970-01-01, a Thursday.
    pub(super) fn of(number: i64) -> Self {
        // Years that begin in March, so that the leap day is the last one.
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let in_era = shifted.rem_euclid(146_097);
        let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * in_year + 2) / 153;
        let day = in_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Self { year, month, day, weekday: (number + 4).rem_euclid(7) }
    }
}

/// How many days a month has.
pub(super) fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
