//! Times in the forms that are met: seconds, milliseconds and finer, as numbers or as text, and ISO 8601.

use calltrail_domain::time::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::limits;

/// A field that holds a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Missing, null, false, blank, or zero and less.
    #[default]
    Absent,
    At(Timestamp),
    /// Something is there: it happened, at a time that is not known.
    Unreadable,
}

impl Moment {
    pub(crate) fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Absent | Self::Unreadable => None,
        }
    }

    pub(crate) fn is_unreadable(self) -> bool {
        self == Self::Unreadable
    }

    /// A number since the Unix epoch. Its size tells the unit: as seconds, milliseconds would be later than any year.
    pub(crate) fn of_number(number: f64) -> Self {
        if number <= 0.0 {
            return Self::Absent;
        }
        let latest = limits::TIME_SECONDS_MAX as f64;
        let per_second = [1.0, 1e3, 1e6, 1e9].into_iter().find(|unit| number / unit <= latest);
        // Above 0 and bounded, so that it fits.
        let millis = |unit: f64| Timestamp::from_millis((number / unit * 1000.0).round() as i64);
        per_second.map_or(Self::Unreadable, |unit| Self::At(millis(unit)))
    }

    /// Text that is not blank, and trimmed.
    pub(crate) fn of_text(text: &str) -> Self {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        if let Some(number) = text.parse().ok().filter(|_| is_number) {
            return Self::of_number(number);
        }
        if NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word)) || is_zero_date(text) {
            return Self::Absent;
        }
        match written(text).map(jiff::Timestamp::as_millisecond) {
            Some(millis) if millis <= 0 => Self::Absent,
            Some(millis) => Self::At(Timestamp::from_millis(millis)),
            None => Self::Unreadable,
        }
    }
}

/// What programs write for a value that is not there.
const NOTHING: [&str; 5] = ["null", "none", "nil", "false", "undefined"];

/// `0000-00-00 00:00:00`, as some databases write nothing.
fn is_zero_date(text: &str) -> bool {
    text.contains('0') && text.bytes().all(|byte| b"0-:. TZ".contains(&byte))
}

/// A time without a zone is one in UTC.
fn written(text: &str) -> Option<jiff::Timestamp> {
    let text = with_zone(text);
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let mail = || rfc2822::parse(&text).ok();
    text.parse().ok().or_else(|| civil().or_else(mail).map(|zoned| zoned.timestamp()))
}

/// `06:50:00 UTC` and `06:50:00 +0100`, as Ruby writes them, without the space.
fn with_zone(text: &str) -> String {
    let Some((time, zone)) = text.rsplit_once(' ') else { return text.to_owned() };
    let is_utc = ["UTC", "GMT", "Z"].iter().any(|utc| zone.eq_ignore_ascii_case(utc));
    let is_dated = time.starts_with(|c: char| c.is_ascii_digit());
    match (is_dated, is_utc) {
        (true, true) => format!("{time}Z"),
        (true, false) if zone.starts_with(['+', '-']) => format!("{time}{zone}"),
        (_, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use calltrail_domain::time::Timestamp;

    const AT: Moment = Moment::At(Timestamp::from_seconds(1_795_935_005));

    #[test]
    fn one_time_is_read_in_every_form() {
        for text in [
            "1795935005",
            "1795935005.0",
            "1795935005000",
            "1795935005000000",
            "2026-11-29T06:50:05Z",
            "2026-11-29T06:50:05.000Z",
            "2026-11-29t06:50:05z",
            "2026-11-29T06:50:05+00:00",
            "2026-11-29T07:50:05+01:00",
            "2026-11-29T07:50:05+0100",
            "2026-11-29T01:50:05-05",
            "2026-11-29T06:50:05",
            "2026-11-29 06:50:05",
            "2026-11-29 06:50:05 UTC",
            "2026-11-29 07:50:05 +0100",
            "20261129T065005Z",
            "Sun, 29 Nov 2026 06:50:05 +0000",
            "Sun, 29 Nov 2026 06:50:05 GMT",
        ] {
            assert_eq!(Moment::of_text(text), AT, "{text}");
        }
    }

    #[test]
    fn fractions_are_kept_to_the_millisecond() {
        let at = Moment::At(Timestamp::from_millis(1_795_935_005_250));
        for text in ["1795935005.25", "2026-11-29T06:50:05.25Z", "2026-11-29 06:50:05,250"] {
            assert_eq!(Moment::of_text(text), at, "{text}");
        }
        assert_eq!(Moment::of_number(1_795_935_005_250.0), at);
    }

    #[test]
    fn words_and_dates_for_nothing_are_absent() {
        for text in ["0", "0.0", "-1", "null", "None", "false", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z"]
        {
            assert_eq!(Moment::of_text(text), Moment::Absent, "{text}");
        }
    }

    #[test]
    fn other_text_is_unreadable() {
        for text in ["soon", "NaN", "inf", "29/11/2026 06:50", "2026-13-01T00:00:00Z", "1e999", "yes"] {
            assert_eq!(Moment::of_text(text), Moment::Unreadable, "{text}");
        }
    }
}
