//! Days of the calendar, without clocks and zones.

/// A day.
pub(super) struct Day {
    /// Since 1970-01-01.
    number: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// From 0 for Sunday.
    pub(super) weekday: i64,
}

impl Day {
    /// The day with this number since 1970-01-01, a Thursday.
    pub(super) fn of(number: i64) -> Self {
        // Years that begin in March, so that the leap day is the last one, of the four centuries after which all comes again.
        let in_era = (number + 719_468).rem_euclid(146_097);
        let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * in_year + 2) / 153;
        let day = in_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { number, month, day, weekday: (number + 4).rem_euclid(7) }
    }

    /// Whether it is the last one of its month.
    pub(super) fn ends_month(&self) -> bool {
        Self::of(self.number + 1).day == 1
    }
}
