//! Listing cycles, expiry and delivery windows, in whole UTC days.
//!
//! Compute is delivered every hour of every day, and every UTC day has 24 of them: there is no daylight-saving case.
//!
//! "n days before the first delivery hour, hh:00" is the latest hh:00 that lies at least n whole days before it. So a December contract,
//! whose first hour begins on 1 December 00:00, trades until 27 November 16:00 (three days), and its option until 25 November 08:00 (five).

use crate::close_out::{Between, CloseOut, Metering};
use crate::instrument::{Period, Product, Schedule, Style};
use crate::units::{Nanos, NanosSpan, Ppm};

const DAY_SECONDS: u64 = 86_400;
const HOUR_SECONDS: u64 = 3_600;
/// An interval is five minutes.
const INTERVALS_PER_HOUR: u32 = 12;
/// Cash futures, the month under way among them.
const CASH_MONTHS: u16 = 4;

/// The names of the months as they stand in a series' name.
#[must_use]
pub const fn month_names() -> [&'static str; 12] {
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
}

/// A day of the Gregorian calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1970 to 2553.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The day in which `at` lies.
    #[must_use]
    pub fn of(at: Nanos) -> Self {
        Self::from_days(at.nanos().div_euclid(1_000_000_000).div_euclid(DAY_SECONDS))
    }

    /// The day `days` days after 1970-01-01.
    ///
    /// Walks whole years and then whole months: at most 584 + 12 steps, and obviously right.
    #[must_use]
    pub fn from_days(days: u64) -> Self {
        let mut rest = days;
        let mut year: u16 = 1970;
        while days_of_year(year) <= rest {
            rest = rest.saturating_sub(days_of_year(year));
            year = year.saturating_add(1);
        }
        let mut month: u8 = 1;
        while days_of_month(year, month) <= rest {
            rest = rest.saturating_sub(days_of_month(year, month));
            month = month.saturating_add(1);
        }
        let day = u8::try_from(rest.saturating_add(1)).unwrap_or(31);
        Self { year, month, day }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> u64 {
        let years: u64 = (1970..self.year).map(days_of_year).sum();
        let months: u64 = (1..self.month).map(|month| days_of_month(self.year, month)).sum();
        years.saturating_add(months).saturating_add(u64::from(self.day).saturating_sub(1))
    }

    /// The first day of the month `months` after this one's.
    #[must_use]
    pub fn month_start_after(self, months: u16) -> Self {
        let month = u16::from(self.month).saturating_sub(1).saturating_add(months);
        let year = self.year.saturating_add(month.div_euclid(12));
        let month = u8::try_from(month.rem_euclid(12)).unwrap_or(0).saturating_add(1);
        Self { year, month, day: 1 }
    }

    /// `27NOV26`.
    #[must_use]
    pub fn expiry_name(self) -> String {
        let month = usize::from(self.month).saturating_sub(1);
        let month = month_names().get(month).copied().unwrap_or("JAN");
        format!("{}{month}{:02}", self.day, self.year.rem_euclid(100))
    }
}

fn is_leap(year: u16) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

fn days_of_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u16, month: u8) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn at_hour(days: u64, hour: u64) -> Nanos {
    let seconds =
        days.saturating_mul(DAY_SECONDS).saturating_add(hour.saturating_mul(HOUR_SECONDS));
    Nanos::from_seconds(seconds)
}

/// The terms of a series that follow from the calendar alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesTerms {
    /// `H100_USDC-27NOV26`.
    pub name: String,
    /// A physical future.
    pub product: Product,
    /// Every hour of the delivery period.
    pub hours_per_lot: u32,
    /// The real calendar.
    pub schedule: Schedule,
}

/// The futures that are listed for `grade` at `now`: physical ones for 7 days, 5 weeks, 13 months, 6 quarters and 3 years, and cash ones
/// for the month under way and the 3 after it; each still trading.
#[must_use]
pub fn series_of_grade(grade: &str, now: Nanos) -> Vec<SeriesTerms> {
    let today = Date::of(now);
    let days =
        (1..=9).map(|ahead| series(grade, Period::Day, today.days().saturating_add(ahead), 1));
    // 1970-01-05 was a Monday.
    let monday = today.days().saturating_add(3).div_euclid(7).saturating_mul(7).saturating_sub(3);
    let weeks = (1..=6).map(|ahead: u64| {
        series(grade, Period::Week, monday.saturating_add(ahead.saturating_mul(7)), 7)
    });
    let months = (1..=14).map(|ahead| {
        let first = today.month_start_after(ahead);
        series(grade, Period::Month, first.days(), days_of_month(first.year, first.month))
    });
    // Months since the quarter, and the year, under way began.
    let of_year = u16::from(today.month).saturating_sub(1);
    let of_quarter = of_year.rem_euclid(3);
    let quarters = (1..=8_u16).map(|ahead| {
        let months = ahead.saturating_mul(3).saturating_sub(of_quarter);
        span(grade, Period::Quarter, today.month_start_after(months), 3)
    });
    let years = (1..=5_u16).map(|ahead| {
        let months = ahead.saturating_mul(12).saturating_sub(of_year);
        span(grade, Period::Year, today.month_start_after(months), 12)
    });
    let cash = (0..=CASH_MONTHS).map(|ahead| cash_month(grade, today.month_start_after(ahead)));
    let still_trading = |terms: &SeriesTerms| now < terms.schedule.last_trade_at;
    let mut listed: Vec<_> = days.filter(still_trading).take(7).collect();
    listed.extend(weeks.filter(still_trading).take(5));
    listed.extend(months.filter(still_trading).take(13));
    listed.extend(quarters.filter(still_trading).take(6));
    listed.extend(years.filter(still_trading).take(3));
    listed.extend(cash.filter(still_trading).take(usize::from(CASH_MONTHS)));
    listed
}

/// So many months from `first` on, as one.
fn span(grade: &str, period: Period, first: Date, months: u16) -> SeriesTerms {
    let days = first.month_start_after(months).days().saturating_sub(first.days());
    series(grade, period, first.days(), days)
}

/// A cash future trades until the last hour of its month and is settled a day at a time.
fn cash_month(grade: &str, first: Date) -> SeriesTerms {
    let days = days_of_month(first.year, first.month);
    let month = series(grade, Period::Month, first.days(), days);
    let last_day = first.days().saturating_add(days).saturating_sub(1);
    let last_trade_at = at_hour(last_day, 23);
    SeriesTerms {
        name: format!("{grade}X_USDC-{}", Date::of(last_trade_at).expiry_name()),
        product: Product::Future { style: Style::Cash, period: Period::Month },
        schedule: Schedule {
            last_trade_at,
            assign_at: last_trade_at,
            intervals: u32::try_from(days).unwrap_or(1),
            close_out: CloseOut::NONE,
            ..month.schedule
        },
        ..month
    }
}

fn series(grade: &str, period: Period, first_day: u64, days: u64) -> SeriesTerms {
    let close_out = close_out(period, first_day);
    let (root, last_trade_at, assign_at) = match period {
        Period::Day => {
            let eve = first_day.saturating_sub(1);
            ("D", at_hour(eve, 12), at_hour(eve, 14))
        }
        Period::Week => ("W", before(first_day, 3, 16), before(first_day, 2, 14)),
        Period::Month => ("", before(first_day, 3, 16), before(first_day, 2, 14)),
        // A week before, so that the first month still trades when they cascade into it.
        Period::Quarter => ("Q", before(first_day, 6, 16), before(first_day, 2, 14)),
        Period::Year => ("Y", before(first_day, 6, 16), before(first_day, 2, 14)),
    };
    // A day contract trades for a week: five days of ladder would be nearly all of it.
    let ladder_step = match period {
        Period::Day => NanosSpan::from_seconds(HOUR_SECONDS),
        Period::Week | Period::Month | Period::Quarter | Period::Year => {
            NanosSpan::from_seconds(DAY_SECONDS)
        }
    };
    let hours = u32::try_from(days.saturating_mul(24)).unwrap_or(u32::MAX);
    let deliver_until = at_hour(first_day.saturating_add(days), 0);
    SeriesTerms {
        name: format!("{grade}{root}_USDC-{}", Date::of(last_trade_at).expiry_name()),
        product: Product::Future { style: Style::Physical, period },
        hours_per_lot: hours,
        schedule: Schedule {
            last_trade_at,
            ladder_step,
            assign_at,
            deliver_from: at_hour(first_day, 0),
            deliver_until,
            intervals: hours.saturating_mul(INTERVALS_PER_HOUR),
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(300),
            close_at: deliver_until + NanosSpan::from_seconds(DAY_SECONDS.saturating_mul(3)),
            close_out,
        },
    }
}

/// A day is nominated for at 13:00 and accepted by 22:00 of its eve; everything longer is nominated for at 20:00 after its last trade,
/// matched by noon before its assignment and accepted on its eve.
fn close_out(period: Period, first_day: u64) -> CloseOut {
    let eve = first_day.saturating_sub(1);
    let (nominate_until, match_until, accept_from) = match period {
        Period::Day => (at_hour(eve, 13), at_hour(eve, 13), at_hour(eve, 14)),
        Period::Week | Period::Month | Period::Quarter | Period::Year => {
            (before(first_day, 3, 20), before(first_day, 2, 12), at_hour(eve, 0))
        }
    };
    CloseOut {
        nominate_until,
        match_until,
        accept_from,
        accept_until: at_hour(eve, 22),
        intervals_per_hour: INTERVALS_PER_HOUR,
        intervals_per_day: INTERVALS_PER_HOUR.saturating_mul(24),
        prefund_days: 3,
        tolerance: Ppm::new(5_000),
        substitute_within: NanosSpan::from_seconds(900),
        invoice_after: NanosSpan::from_seconds(HOUR_SECONDS.saturating_mul(2)),
        dispute_within: NanosSpan::from_seconds(DAY_SECONDS),
        metering: Metering::Between(Between::STANDARD),
    }
}

/// The latest `hour`:00 at least `n` whole days before `first_day` 00:00.
fn before(first_day: u64, n: u64, hour: u64) -> Nanos {
    let day = if hour == 0 { n } else { n.saturating_add(1) };
    at_hour(first_day.saturating_sub(day), hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: u16, month: u8, day: u8) -> Nanos {
        at_hour(Date { year, month, day }.days(), 0)
    }

    #[test]
    fn dates_and_day_numbers_are_inverse() {
        for days in (0..200_000).step_by(13) {
            assert_eq!(Date::from_days(days).days(), days);
        }
        assert_eq!(Date::from_days(20_778), Date { year: 2026, month: 11, day: 21 });
    }

    #[test]
    fn a_december_contract_trades_until_27_november() {
        let listed = series_of_grade("H100", at(2026, 11, 21));
        let december = listed.iter().find(|terms| terms.hours_per_lot == 744).expect("a month");
        assert_eq!(december.name, "H100_USDC-27NOV26");
        assert_eq!(december.schedule.last_trade_at, at_hour(at_day(2026, 11, 27), 16));
        assert_eq!(december.schedule.assign_at, at_hour(at_day(2026, 11, 28), 14));
        assert_eq!(december.schedule.deliver_from, at(2026, 12, 1));
        assert_eq!(december.schedule.deliver_until, at(2027, 1, 1));
    }

    #[test]
    fn a_december_contract_is_nominated_matched_and_accepted_in_time() {
        let listed = series_of_grade("H100", at(2026, 11, 21));
        let december = listed.iter().find(|terms| terms.hours_per_lot == 744).expect("a month");
        let close_out = december.schedule.close_out;
        assert_eq!(close_out.nominate_until, at_hour(at_day(2026, 11, 27), 20));
        assert_eq!(close_out.match_until, at_hour(at_day(2026, 11, 28), 12));
        assert_eq!(close_out.accept_from, at(2026, 11, 30));
        assert_eq!(close_out.accept_until, at_hour(at_day(2026, 11, 30), 22));
        assert_eq!(december.schedule.close_at, at(2027, 1, 4));
        let is_cash = |terms: &&SeriesTerms| {
            matches!(terms.product, Product::Future { style: Style::Cash, .. })
        };
        for terms in listed.iter().filter(|terms| !is_cash(terms)) {
            let s = &terms.schedule;
            let window = (s.deliver_from, s.deliver_until);
            assert!(s.close_out.is_sound(s.assign_at, window, s.close_at), "{}", terms.name);
            assert!(s.last_trade_at < s.close_out.nominate_until);
        }
    }

    #[test]
    fn quarters_and_years_stop_a_week_before_and_cash_months_in_their_last_hour() {
        let listed = series_of_grade("H100", at(2026, 11, 21));
        let names: Vec<&str> = listed.iter().skip(25).map(|terms| terms.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "H100Q_USDC-25DEC26",
                "H100Q_USDC-25MAR27",
                "H100Q_USDC-24JUN27",
                "H100Q_USDC-24SEP27",
                "H100Q_USDC-25DEC27",
                "H100Q_USDC-25MAR28",
                "H100Y_USDC-25DEC26",
                "H100Y_USDC-25DEC27",
                "H100Y_USDC-25DEC28",
                "H100X_USDC-30NOV26",
                "H100X_USDC-31DEC26",
                "H100X_USDC-31JAN27",
                "H100X_USDC-28FEB27",
            ]
        );
        let of = |name: &str| listed.iter().find(|terms| terms.name == name).expect("listed");
        assert_eq!(of("H100Q_USDC-25DEC26").hours_per_lot, 744 + 672 + 744);
        assert_eq!(of("H100Y_USDC-25DEC27").hours_per_lot, 8_784, "2028 has a 29 February");
        let cash = of("H100X_USDC-31DEC26");
        assert_eq!((cash.hours_per_lot, cash.schedule.intervals), (744, 31));
        assert_eq!(cash.schedule.last_trade_at, at_hour(at_day(2026, 12, 31), 23));
    }

    /// CASCADE-001: on the day a parent stops, everything it becomes is listed and still trades for days.
    #[test]
    fn cascade_001_whatever_a_parent_becomes_is_listed_when_it_stops() {
        for day in 0..800 {
            let now = at(2026, 1, 1) + NanosSpan::from_seconds(DAY_SECONDS * day + 57_599);
            let listed = series_of_grade("A100", now);
            let parents = listed.iter().filter(|terms| {
                let left = terms.schedule.last_trade_at.since(now);
                let is_parent = terms.hours_per_lot > 744;
                is_parent && left < NanosSpan::from_seconds(DAY_SECONDS)
            });
            for parent in parents {
                let mut from = parent.schedule.deliver_from;
                let mut hours = 0;
                while from < parent.schedule.deliver_until {
                    let child = listed.iter().find(|terms| {
                        let is_child = match terms.product {
                            Product::Future { style: Style::Physical, period } => {
                                let is_later = 2_160 <= hours;
                                period == if is_later { Period::Quarter } else { Period::Month }
                                    || period == Period::Month && hours < 2_160
                            }
                            Product::Future { .. }
                            | Product::Option { .. }
                            | Product::Cap { .. }
                            | Product::Spread { .. } => false,
                        };
                        is_child && terms.schedule.deliver_from == from
                    });
                    let child = child.unwrap_or_else(|| panic!("nothing from {from:?} on"));
                    let trades_for = child.schedule.last_trade_at.since(now);
                    assert!(NanosSpan::from_seconds(2 * DAY_SECONDS) < trades_for);
                    hours += child.hours_per_lot;
                    from = child.schedule.deliver_until;
                }
                assert_eq!(hours, parent.hours_per_lot, "{}", parent.name);
            }
        }
    }

    fn at_day(year: u16, month: u8, day: u8) -> u64 {
        Date { year, month, day }.days()
    }

    #[test]
    fn the_listing_has_the_same_number_of_series_whatever_the_day() {
        for day in 0..800 {
            let now = at(2026, 1, 1) + NanosSpan::from_seconds(DAY_SECONDS * day + 50_000);
            let listed = series_of_grade("A100", now);
            let names: std::collections::BTreeSet<_> = listed.iter().map(|t| &t.name).collect();
            assert_eq!((listed.len(), names.len()), (38, 38), "{names:?}");
            for (period, count) in
                [(Period::Month, 17), (Period::Quarter, 6), (Period::Year, 3), (Period::Day, 7)]
            {
                let of = |terms: &&SeriesTerms| matches!(terms.product, Product::Future { period: it, .. } if it == period);
                assert_eq!(listed.iter().filter(of).count(), count);
            }
            assert!(listed.iter().all(|terms| now < terms.schedule.last_trade_at));
        }
    }

    #[test]
    fn the_hours_of_2026_and_2027_are_8760() {
        for year in [2026, 2027] {
            let hours: u64 = (1..=12).map(|month| days_of_month(year, month) * 24).sum();
            assert_eq!(hours, 8760);
        }
        assert_eq!(days_of_month(2028, 2) * 24, 696);
    }
}
