//! Takes in what the forward curve says of series: a price and how sure it is, for where nobody quotes.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{InstrumentId, MicroUsd, Nanos, Price, Product};

use crate::Exchange;
use crate::event::Event;
use crate::limits::{CURVE_POINTS_MAX, INDEX_MAX};
use crate::mark::Impact;
use crate::price::check_price;
use crate::reject::Reject;
use crate::run_timers::later;
use crate::series::{Series, SeriesState};

/// What the curve says of one future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CurvePoint {
    /// Which.
    pub instrument: InstrumentId,
    /// The mean of the curve over its days of delivery.
    pub price: Price,
    /// One standard deviation of that, dollars per GPU-hour.
    pub conf: MicroUsd,
}

impl Exchange {
    pub(crate) fn publish_curve(
        &mut self,
        points: &[CurvePoint],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if points.is_empty() || CURVE_POINTS_MAX < points.len() {
            let limit = u64::try_from(CURVE_POINTS_MAX).unwrap_or(u64::MAX);
            return Err(Reject::CurveTooLong { limit });
        }
        points.iter().try_for_each(|point| self.check_point(point))?;

        // From here on nothing can fail.
        for point in points {
            let said_at = self.now;
            if let Some(series) = self.series.get_mut(&point.instrument) {
                series.pricing.curve = Some((*point, said_at));
            }
            self.unmarked.insert(point.instrument);
            events.push(Event::CurvePublished(*point));
        }
        self.marks_due_soon();
        Ok(())
    }

    fn check_point(&self, point: &CurvePoint) -> Result<(), Reject> {
        let series = self.series.get(&point.instrument).ok_or(Reject::UnknownInstrument)?;
        if !matches!(series.instrument.product, Product::Future { .. }) {
            return Err(Reject::CurveOfNoFuture);
        }
        if series.state != SeriesState::Trading || series.instrument.has_expired(self.now) {
            return Err(Reject::SeriesExpired);
        }
        if !(MicroUsd::ZERO..=INDEX_MAX).contains(&point.conf) {
            return Err(Reject::IndexOutOfRange { limit: INDEX_MAX });
        }
        check_price(point.price).map(|_| ())
    }

    /// What the curve said of a series last, while it is good.
    #[must_use]
    pub fn curve_point(&self, instrument: InstrumentId) -> Option<CurvePoint> {
        good_point(self.series.get(&instrument)?, self.now)
    }

    /// What the impact amount reaches on each side of a series' book, if it is quoted on both.
    #[must_use]
    pub fn impact(&self, instrument: InstrumentId) -> Option<Impact> {
        let series = self.series.get(&instrument)?;
        Impact::of(&series.instrument, &self.engine.book(instrument)?)
    }
}

/// MARK-015: a point is good for as long as a print of the index is.
pub(crate) fn good_point(series: &Series, at: Nanos) -> Option<CurvePoint> {
    let good_for = series.instrument.guards.mark.index_for;
    let (point, said_at) = series.pricing.curve?;
    (at <= later(said_at, good_for)).then_some(point)
}
