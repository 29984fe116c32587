//! Instants as venues write them: `2026-09-10T07:37:02.247559Z`, and days: `2026-09-10`.

use instruments::{Date, Nanos};

const SECONDS_PER_DAY: u64 = 86_400;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// The last year whose nanoseconds fit.
const YEARS: std::ops::RangeInclusive<u16> = 1970..=2553;

/// An instant in UTC with up to nine decimals of a second. `None` for anything else, other zones too.
pub(super) fn instant(text: &str) -> Option<Nanos> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').map_or((time, None), |(a, b)| (a, Some(b)));
    let [hour, minute, second] = parts(time, ':', [2, 2, 2])?;
    if 23 < hour || 59 < minute || 59 < second {
        return None;
    }
    let minutes = hour.saturating_mul(60).saturating_add(minute);
    let seconds = minutes.saturating_mul(60).saturating_add(second);
    let seconds = days(date)?.saturating_mul(SECONDS_PER_DAY).saturating_add(seconds);
    let nanos = match fraction {
        None => 0,
        Some(digits) => {
            let len = u32::try_from(digits.len()).ok().filter(|len| (1..=9).contains(len))?;
            number(digits)?.saturating_mul(10_u64.saturating_pow(9_u32.saturating_sub(len)))
        }
    };
    Some(Nanos::new(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos)))
}

/// The first instant of a day.
pub(super) fn day(text: &str) -> Option<Nanos> {
    Some(Nanos::from_seconds(days(text)?.saturating_mul(SECONDS_PER_DAY)))
}

fn days(text: &str) -> Option<u64> {
    let [year, month, day] = parts(text, '-', [4, 2, 2])?;
    let date = Date {
        year: u16::try_from(year).ok().filter(|year| YEARS.contains(year))?,
        month: u8::try_from(month).ok().filter(|&month| 0 < month)?,
        day: u8::try_from(day).ok().filter(|&day| 0 < day)?,
    };
    // A day that does not exist becomes another one on its way through the calendar.
    (Date::from_days(date.days()) == date).then(|| date.days())
}

fn parts(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (into, digits) in numbers.iter_mut().zip(digits) {
        *into = number(parts.next().filter(|part| part.len() == digits)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
