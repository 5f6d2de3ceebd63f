//! Moments as they are typed: a date, a time, or how long ago.

use std::str::FromStr;

use calltrail_domain::time::Timestamp;

/// A moment, as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When(Form);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    At(Timestamp),
    SecondsAgo(u64),
}

/// Why it is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a date (2026-11-01), a time in UTC (2026-11-01T09:30:00Z), or how long ago: 90m, 36h, 3d")]
pub struct NoMoment;

impl When {
    /// The moment, where it was told from `now`.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self.0 {
            Form::At(at) => at,
            Form::SecondsAgo(seconds) => {
                Timestamp::from_seconds(now.as_seconds().saturating_sub_unsigned(seconds))
            }
        }
    }
}

impl FromStr for When {
    type Err = NoMoment;

    fn from_str(typed: &str) -> Result<Self, NoMoment> {
        let typed = typed.trim();
        let at = |at: jiff::Timestamp| Self(Form::At(Timestamp::from_millis(at.as_millisecond())));
        if let Ok(time) = typed.parse::<jiff::Timestamp>() {
            return Ok(at(time));
        }
        if let Ok(date) = typed.parse::<jiff::civil::Date>() {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| NoMoment)?;
            return Ok(at(midnight.timestamp()));
        }
        let unit = typed.chars().last().ok_or(NoMoment)?;
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(NoMoment),
        };
        let count: u64 = typed[..typed.len() - 1].trim().parse().map_err(|_| NoMoment)?;
        count.checked_mul(seconds).map(|seconds| Self(Form::SecondsAgo(seconds))).ok_or(NoMoment)
    }
}

#[cfg(test)]
mod tests {
    use super::{NoMoment, Timestamp, When};

    #[test]
    fn dates_times_and_spans_are_moments() {
        let now = Timestamp::from_seconds(1_800_000_000);
        for (typed, seconds) in [
            ("2026-11-01", 1_793_491_200),
            ("2026-11-01T09:30:00Z", 1_793_525_400),
            ("2026-11-01T10:30:00+01:00", 1_793_525_400),
            ("90m", 1_800_000_000 - 5_400),
            (" 36h ", 1_800_000_000 - 129_600),
            ("3d", 1_800_000_000 - 259_200),
        ] {
            let when: When = typed.parse().expect(typed);
            assert_eq!(when.from(now), Timestamp::from_seconds(seconds), "{typed}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for typed in ["", "yesterday", "3", "d", "-3d", "2026-13-01", "3w", "é", "99999999999999999999d"] {
            assert_eq!(typed.parse::<When>(), Err(NoMoment), "{typed}");
        }
    }
}
