//! Timestamps of the observation files: `2025-10-19T21:01:58Z`, UTC, with up to nine decimals of a second.

use std::fmt;
use std::str::FromStr;

use instruments::{Date, Nanos};

const SECONDS_PER_DAY: u64 = 86_400;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// The last year whose nanoseconds fit.
const YEARS: std::ops::RangeInclusive<u64> = 1970..=2553;

/// An instant as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp(pub(crate) Nanos);

/// Not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let text =
            text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).ok_or(NotATime)?;
        let (date, time) = text.split_once('T').ok_or(NotATime)?;
        let (time, fraction) = time.split_once('.').map_or((time, ""), |parts| parts);
        let [year, month, day] = parts(date, '-', [4, 2, 2]).ok_or(NotATime)?;
        let [hour, minute, second] = parts(time, ':', [2, 2, 2]).ok_or(NotATime)?;
        if !YEARS.contains(&year) || 23 < hour || 59 < minute || 59 < second {
            return Err(NotATime);
        }
        let date = Date {
            year: u16::try_from(year).or(Err(NotATime))?,
            month: u8::try_from(month).or(Err(NotATime))?,
            day: u8::try_from(day).or(Err(NotATime))?,
        };
        // A day that does not exist becomes another one on its way through the calendar.
        if month == 0 || day == 0 || Date::from_days(date.days()) != date {
            return Err(NotATime);
        }
        let seconds = date.days() * SECONDS_PER_DAY + (hour * 60 + minute) * 60 + second;
        let nanos = nanos_of(fraction, text.contains('.')).ok_or(NotATime)?;
        Ok(Self(Nanos::new(seconds * NANOS_PER_SECOND + nanos)))
    }
}

impl Timestamp {
    /// With all nine digits of the second, so that texts are in the order of the instants.
    pub(crate) fn in_full(self) -> String {
        let nanos = self.0.nanos() % NANOS_PER_SECOND;
        let whole = Self(Nanos::new(self.0.nanos() - nanos)).to_string();
        format!("{}.{nanos:09}Z", whole.trim_end_matches('Z'))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.nanos() / NANOS_PER_SECOND;
        let Date { year, month, day } = Date::of(self.0);
        let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", seconds % 60)?;
        match self.0.nanos() % NANOS_PER_SECOND {
            0 => f.write_str("Z"),
            nanos => write!(f, ".{}Z", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}

/// Three numbers of exactly so many digits.
fn parts(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = digits_of(part)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn nanos_of(fraction: &str, is_written: bool) -> Option<u64> {
    if !is_written {
        return Some(0);
    }
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| (1..=9).contains(digits))?;
    Some(digits_of(fraction)? * 10_u64.pow(9 - digits))
}

fn digits_of(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
