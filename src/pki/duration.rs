//! Durations as Go writes and reads them: `24h0m0s`, `1m30.5s`, `0s`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A duration as Go's `time.Duration`: nanoseconds in 64 bits with a sign, some 292 years either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(i64);

/// Why Go does not read a text as a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing stands there.
    #[error("a duration is empty; write `24h` or `5m`")]
    Empty,
    /// A number without a unit behind it.
    #[error("the duration `{0}` lacks a unit; Go knows `h`, `m`, `s`, `ms`, `us` and `ns`")]
    NoUnit(String),
    /// A unit that Go does not have.
    #[error("{}", unknown_unit(.text, .unit, .hours.as_deref()))]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// The unit.
        unit: String,
        /// For days and weeks, the same in hours.
        hours: Option<String>,
    },
    /// More than 64 bits of nanoseconds.
    #[error("the duration `{0}` is longer than the 292 years that Go can hold")]
    TooLong(String),
    /// Anything else.
    #[error("`{0}` is no duration; write `24h`, `90m` or `1h30m`")]
    Malformed(String),
}

fn unknown_unit(text: &str, unit: &str, hours: Option<&str>) -> String {
    match (unit, hours) {
        ("d", Some(hours)) => format!("the duration `{text}` counts in days, which Go does not have; write `{hours}`"),
        ("w", Some(hours)) => format!("the duration `{text}` counts in weeks, which Go does not have; write `{hours}`"),
        _ => format!("the duration `{text}` has the unit `{unit}`, which Go does not have; it knows `h`, `m`, `s`, `ms`, `us` and `ns`"),
    }
}

impl GoDuration {
    /// So many whole hours; at most some 2.5 million.
    pub const fn from_hours(hours: i32) -> GoDuration {
        GoDuration::from_minutes(hours.saturating_mul(60))
    }

    /// So many whole minutes; at most some 150 million.
    pub const fn from_minutes(minutes: i32) -> GoDuration {
        GoDuration((minutes as i64).saturating_mul(60_000_000_000))
    }

    /// So many nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> GoDuration {
        GoDuration(nanoseconds)
    }

    /// The duration in nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// The sum; where 64 bits do not hold it, the longest duration.
    #[must_use]
    pub const fn saturating_add(self, other: GoDuration) -> GoDuration {
        GoDuration(self.0.saturating_add(other.0))
    }

    /// How many whole days hold it; none for a negative duration.
    pub const fn days_rounded_up(self) -> i64 {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;
        if self.0 <= 0 { 0 } else { (self.0 - 1) / DAY + 1 }
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    /// Follows `time.ParseDuration` of Go 1.24, step by step.
    fn from_str(text: &str) -> Result<GoDuration, DurationError> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(GoDuration(0));
        }
        if rest.is_empty() {
            return Err(if text.is_empty() { DurationError::Empty } else { DurationError::Malformed(text.to_owned()) });
        }
        // Go counts in u64 up to 2^63, so that the most negative duration can be read too.
        let mut sum: u64 = 0;
        let too_long = || DurationError::TooLong(text.to_owned());
        while !rest.is_empty() {
            let whole_length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, after) = rest.split_at(whole_length);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(DurationError::Malformed(text.to_owned()));
            }
            let unit_length = after.find(|character: char| character == '.' || character.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_length);
            let scale = scale_of(unit).ok_or_else(|| without_scale(text, whole, unit))?;
            let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
            let value = whole.checked_mul(scale).and_then(|value| value.checked_add(fraction_of(fraction, scale))).ok_or_else(too_long)?;
            sum = sum.checked_add(value).filter(|sum| *sum <= 1 << 63).ok_or_else(too_long)?;
            rest = after;
        }
        if negative {
            return Ok(GoDuration(0_i64.wrapping_sub_unsigned(sum)));
        }
        i64::try_from(sum).map(GoDuration).map_err(|_| too_long())
    }
}

/// Nanoseconds of a unit.
fn scale_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Digits behind the point in nanoseconds: Go counts them in a float, and stops at digits that 63 bits do not hold.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go's own arithmetic, kept to the bit"
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        if value > ((1 << 63) - 1) / 10 {
            break;
        }
        let longer = value * 10 + u64::from(digit - b'0');
        if longer > 1 << 63 {
            break;
        }
        value = longer;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

fn without_scale(text: &str, whole: &str, unit: &str) -> DurationError {
    if unit.is_empty() {
        return DurationError::NoUnit(text.to_owned());
    }
    let hours_per_unit = match unit {
        "d" => Some(24),
        "w" => Some(7 * 24),
        _ => None,
    };
    // Only where the text is nothing but this one number, otherwise the hint would be another duration.
    let alone = text == format!("{whole}{unit}");
    let hours =
        hours_per_unit.filter(|_| alone).and_then(|per| whole.parse::<u64>().ok()?.checked_mul(per)).map(|hours| format!("{hours}h"));
    DurationError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), hours }
}

impl fmt::Display for GoDuration {
    /// Follows `time.Duration.String` of Go.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            formatter.write_str("-")?;
        }
        match nanoseconds {
            0 => formatter.write_str("0s"),
            1..1_000 => write!(formatter, "{nanoseconds}ns"),
            1_000..1_000_000 => write!(formatter, "{}\u{b5}s", decimal(nanoseconds, 1_000)),
            1_000_000..1_000_000_000 => write!(formatter, "{}ms", decimal(nanoseconds, 1_000_000)),
            _ => {
                let minutes = nanoseconds / 60_000_000_000;
                let seconds = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(formatter, "{seconds}s"),
                    (0, minutes) => write!(formatter, "{minutes}m{seconds}s"),
                    (hours, minutes) => write!(formatter, "{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

/// A number of units with the digits behind the point that are there.
fn decimal(value: u64, unit: u64) -> String {
    let rest = value % unit;
    if rest == 0 {
        return (value / unit).to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{}.{}", value / unit, fraction.trim_end_matches('0'))
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_is_read_and_printed_as_go_prints_it() {
        for (text, canonical) in [
            ("0", "0s"),
            ("+0", "0s"),
            ("0s", "0s"),
            ("24h", "24h0m0s"),
            ("5m", "5m0s"),
            ("90s", "1m30s"),
            ("1m30.5s", "1m30.5s"),
            ("1.5h", "1h30m0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("-1.5h", "-1h30m0s"),
            ("1h1h", "2h0m0s"),
            ("1s1h", "1h0m1s"),
            ("100ns", "100ns"),
            ("1100ns", "1.1\u{b5}s"),
            ("2us", "2\u{b5}s"),
            ("2\u{3bc}s", "2\u{b5}s"),
            ("2.000001ms", "2.000001ms"),
            ("2160h", "2160h0m0s"),
            ("0.000000001s", "1ns"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
            ("0.3333333333333333333333333333h", "20m0s"),
        ] {
            let parsed: GoDuration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let printed = parsed.to_string();
            assert_eq!(printed, canonical, "{text}");
            assert_eq!(printed.parse(), Ok(parsed), "{printed}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_with_the_reason() {
        let message = |text: &str| text.parse::<GoDuration>().expect_err(text).to_string();
        assert_eq!(message("1d"), "the duration `1d` counts in days, which Go does not have; write `24h`");
        assert_eq!(message("2w"), "the duration `2w` counts in weeks, which Go does not have; write `336h`");
        assert!(message("24").contains("lacks a unit"));
        assert!(message("1h30").contains("lacks a unit"));
        assert!(message("").contains("empty"));
        assert!(message("1y").contains("`y`"));
        assert!(message("9223372036854775808ns").contains("292 years"));
        assert!(message("3000000h").contains("292 years"));
        for text in ["-", "+", ".", "h", ".h", "-.s", " 1h", "1h ", "1 h", "1H", "--1h", "1,5h", "\u{661}h", "1\u{e9}"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn days_are_rounded_up() {
        for (text, days) in [("24h", 1), ("24h1m", 2), ("1ns", 1), ("0s", 0), ("-48h", 0), ("2160h1m", 91)] {
            assert_eq!(text.parse::<GoDuration>().expect(text).days_rounded_up(), days, "{text}");
        }
    }
}
