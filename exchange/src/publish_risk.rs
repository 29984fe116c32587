//! Takes in what the shell has computed of options: marks, volatilities, greeks and risk arrays, as integers.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{InstrumentId, Ppm, Price};
use matching_engine::Greeks;
use settlement::{LANES, RiskArray};

use crate::Exchange;
use crate::event::Event;
use crate::limits::RISKS_MAX;
use crate::margins::is_paid_for;
use crate::price::check_price;
use crate::reject::Reject;
use crate::series::SeriesState;

/// What the shell says of one option.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OptionRisk {
    /// Which.
    pub instrument: InstrumentId,
    /// What a lot is worth.
    pub mark: Price,
    /// The volatility that it was computed with, a year.
    pub iv: Ppm,
    /// How the mark moves.
    pub greeks: OptionGreeks,
    /// Micro-dollars that a lot gains in each scenario, and its delta; see [`RiskArray`].
    pub array: [i64; LANES],
}

/// How an option's mark moves. For display and for market-maker protection: margin follows from the array alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OptionGreeks {
    /// Millionths of its future's move.
    pub delta: i64,
    /// Millionths of delta, for a dollar of its future.
    pub gamma: i64,
    /// Micro-dollars per GPU-hour, for a hundredth of volatility.
    pub vega: i64,
    /// Micro-dollars per GPU-hour, for a day.
    pub theta: i64,
}

impl Exchange {
    pub(crate) fn publish_risk(
        &mut self,
        risks: &[OptionRisk],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if risks.is_empty() || RISKS_MAX < risks.len() {
            let limit = u64::try_from(RISKS_MAX).unwrap_or(u64::MAX);
            return Err(Reject::RisksOutOfRange { limit });
        }
        risks.iter().try_for_each(|risk| self.check_risk(risk))?;

        // From here on nothing can fail.
        let mut affected = BTreeSet::new();
        for risk in risks {
            let instrument = risk.instrument;
            events.push(Event::RiskPublished(Box::new(risk.clone())));
            self.margins.options.insert(instrument, risk.clone());
            self.refresh_array(instrument);
            self.set_quote_greeks(risk);
            if let Some(series) = self.series.get_mut(&instrument) {
                series.pricing.published = Some((risk.mark, self.now));
            }
            let mark = self.mark_at(instrument, self.now).unwrap_or(risk.mark);
            self.set_mark(instrument, mark, events);
            affected.insert(instrument);
        }
        for instrument in affected {
            self.rehold_holders(instrument);
        }
        Ok(())
    }

    /// QUOTE-021: what a fill of a quote counts for, from now on.
    fn set_quote_greeks(&mut self, risk: &OptionRisk) {
        let Some(series) = self.series.get(&risk.instrument) else { return };
        let hours = i64::from(series.instrument.hours_per_lot);
        let vega = risk.greeks.vega.saturating_mul(hours);
        self.engine.set_greeks(risk.instrument, Greeks { delta: risk.greeks.delta, vega });
    }

    fn check_risk(&self, risk: &OptionRisk) -> Result<(), Reject> {
        let series = self.series.get(&risk.instrument).ok_or(Reject::UnknownInstrument)?;
        if !is_paid_for(&series.instrument) {
            return Err(Reject::RiskOfNoOption);
        }
        if series.state != SeriesState::Trading || series.instrument.has_expired(self.now) {
            return Err(Reject::SeriesExpired);
        }
        check_price(risk.mark)?;
        match RiskArray::new(risk.array) {
            Some(_) => Ok(()),
            None => Err(Reject::ArrayOutOfRange { limit: RiskArray::LANE_MAX }),
        }
    }
}
