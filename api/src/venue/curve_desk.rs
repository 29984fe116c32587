//! The curve desk: a forward curve of each grade through the index and what is quoted, and a price from it for every future that nobody
//! quotes.
//!
//! A thread that looks at the exchange now and then, computes without holding it, and submits what has moved. What it says is journaled
//! like anything else. It knows nothing that the exchange does not show, and a restart makes it say everything again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::{Command, CurvePoint, Exchange, Impact, Series, SeriesState, limits};
use instruments::rounding::{div_ceil, div_floor, div_half_even};
use instruments::{Date, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, Product};
use oracle::{CONTRACTS_MAX, Contract, Curve, CurveParams, DAYS_MAX, Days, Shape};
use parking_lot::RwLock;

use super::clock::VenueClock;
use super::sequencer::Inbox;
use super::wait::is_taken;

const DAY: u64 = 86_400_000_000_000;
/// What has not moved is said again, because it is good for two hours.
const SAY_AGAIN: NanosSpan = NanosSpan::from_seconds(1_800);

/// What was said of a series, and when.
pub(crate) type Said = BTreeMap<InstrumentId, (CurvePoint, Nanos)>;

/// The thread's ends of everything.
pub(crate) struct CurveDesk {
    pub(crate) exchange: Arc<RwLock<Exchange>>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: VenueClock,
    /// How often it looks.
    pub(crate) every: Duration,
    /// Closed when the sequencer ends.
    pub(crate) stop: Receiver<()>,
}

/// A future as the curve sees it.
struct Future {
    terms: Instrument,
    days: Days,
    quoted: Option<Impact>,
}

impl CurveDesk {
    /// Works until the sequencer ends.
    pub(crate) fn run(self) {
        let mut said = Said::new();
        while self.stop.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            self.look(&mut said);
        }
    }

    fn look(&self, said: &mut Said) {
        let now = self.clock.now();
        let grades = futures(&self.exchange.read(), now);
        let points = grades.into_iter().flat_map(|(index, futures)| points(index, &futures));
        let news: Vec<CurvePoint> = points.filter(|point| is_news(said, point, now)).collect();
        for page in news.chunks(limits::CURVE_POINTS_MAX) {
            if self.is_taken(page.to_vec()) {
                said.extend(page.iter().map(|point| (point.instrument, (*point, now))));
            }
        }
    }

    /// A series may have stopped between the look and the command: the rest of its page is said again at the next look.
    fn is_taken(&self, points: Vec<CurvePoint>) -> bool {
        is_taken(&self.inbox, Command::PublishCurve { points })
    }
}

/// Whether a point has moved, or was said so long ago that it has to be said again.
fn is_news(said: &Said, point: &CurvePoint, now: Nanos) -> bool {
    said.get(&point.instrument)
        .is_none_or(|(before, at)| before.price != point.price || SAY_AGAIN <= now.since(*at))
}

/// The futures of each grade that has an index, with the index and half of its band.
fn futures(exchange: &Exchange, now: Nanos) -> Vec<((MicroUsd, MicroUsd), Vec<Future>)> {
    let grades: BTreeSet<&GradeId> = exchange.series().map(|it| &it.instrument.grade).collect();
    let of_grade = |grade: &GradeId| {
        let print = exchange.index(grade)?;
        let value = print.value?;
        let conf = i128::from(value.micros()) * i128::from(print.conf.ppm());
        let conf = MicroUsd::from_i128(div_half_even(conf, 1_000_000))?.min(value);
        let series = exchange.series().filter(|it| it.instrument.grade == *grade);
        let futures = series.filter_map(|series| future(exchange, series, now)).collect();
        Some(((value, conf), futures))
    };
    grades.into_iter().filter_map(of_grade).collect()
}

/// A future that trades and whose delivery takes whole days of the calendar ahead.
fn future(exchange: &Exchange, series: &Series, now: Nanos) -> Option<Future> {
    let terms = &series.instrument;
    let schedule = &terms.schedule;
    let is_future = matches!(terms.product, Product::Future { .. });
    let length = schedule.deliver_until.since(schedule.deliver_from).nanos();
    if !is_future || series.state != SeriesState::Trading || length < DAY {
        return None;
    }
    let today = Date::of(now).days();
    let first = Date::of(schedule.deliver_from).days().checked_sub(today)?;
    let days = Days { first: u32::try_from(first).ok()?, count: u32::try_from(length / DAY).ok()? };
    let quoted = exchange.impact(terms.id);
    (days.end() <= DAYS_MAX).then(|| Future { terms: terms.clone(), days, quoted })
}

/// What the curve through the index of today and all quotes says of those that are not quoted.
fn points((index, conf): (MicroUsd, MicroUsd), futures: &[Future]) -> Vec<CurvePoint> {
    let length = futures.iter().map(|it| it.days.end()).max().unwrap_or(0);
    let today = Days { first: 0, count: 1 };
    let spot = Contract { days: today, price: index, half_spread: conf };
    let quoted = futures.iter().filter_map(contract).take(CONTRACTS_MAX - 1);
    let contracts: Vec<Contract> = std::iter::once(spot).chain(quoted).collect();
    let fitted = Shape::default()
        .logs(length)
        .and_then(|logs| Curve::fit(&CurveParams::default(), &logs, &contracts));
    let curve = match fitted {
        Ok(curve) => curve,
        Err(error) => {
            tracing::debug!(%error, "no curve");
            return Vec::new();
        }
    };
    let unquoted = futures.iter().filter(|it| it.quoted.is_none());
    let point = |it: &Future| {
        let price = curve.price(it.days).filter(|price| MicroUsd::ZERO < *price)?;
        let conf = curve.conf(it.days)?.min(limits::INDEX_MAX);
        Some(CurvePoint { instrument: it.terms.id, price: it.terms.nearest_price(price), conf })
    };
    unquoted.filter_map(point).collect()
}

/// The middle of what the impact amount reaches, and half of what is between.
fn contract(future: &Future) -> Option<Contract> {
    let impact = future.quoted?;
    let tick = i128::from(future.terms.tick_size.micros());
    let bid = div_floor(impact.bids.value * tick, i128::from(impact.bids.lots).max(1));
    let ask = div_ceil(impact.asks.value * tick, i128::from(impact.asks.lots).max(1));
    let price = MicroUsd::from_i128(div_half_even(bid + ask, 2))?;
    let half_spread = MicroUsd::from_i128(div_ceil((ask - bid).max(0), 2))?.min(price);
    Some(Contract { days: future.days, price, half_spread })
}
