//! Lists a series.

use instruments::{Instrument, InstrumentId, Price, Product};
use matching_engine::PriceSource;

use crate::event::Event;
use crate::guards;
use crate::limits::{GRADES_MAX, SERIES_MAX};
use crate::reject::Reject;
use crate::series::Series;
use crate::{Exchange, Issued};

impl Exchange {
    pub(crate) fn list_instrument(
        &mut self,
        terms: &Instrument,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        terms.check_terms().map_err(Reject::BadTerms)?;
        if self.series_by_name.contains_key(&terms.name) {
            return Err(Reject::SeriesListed);
        }
        if SERIES_MAX <= self.series.len() {
            return Err(Reject::TooManySeries {
                limit: u64::try_from(SERIES_MAX).unwrap_or(u64::MAX),
            });
        }
        let is_new_grade = self.margins.grade(&terms.grade).is_none();
        if is_new_grade && GRADES_MAX <= self.margins.grades.len() {
            let limit = u64::try_from(GRADES_MAX).unwrap_or(u64::MAX);
            return Err(Reject::TooManyGrades { limit });
        }

        self.check_underlying(terms)?;

        // From here on nothing can fail.
        let id = InstrumentId(Issued::next(&mut self.issued.series));
        // A mark is a price from its first moment.
        let reference = terms.reference.clamp(Price::from_ticks(1), Instrument::PRICE_MAX);
        let instrument = Instrument { id, reference, ..terms.clone() };
        self.series_by_name.insert(instrument.name.clone(), id);
        self.engine.list(id, guards::book_terms(&instrument));
        if let Product::Option { underlying, .. } = instrument.product {
            self.options_on.entry(underlying).or_default().insert(id);
        }
        self.stopping.insert((instrument.schedule.last_trade_at, id));
        self.series.insert(id, Series::new(instrument.clone(), self.now));
        self.list_margin(id);
        self.set_bands(id);
        self.unmarked.insert(id);
        self.begin_roll(&instrument);
        events.push(Event::InstrumentListed(Box::new(instrument)));
        self.set_trigger_price(id, PriceSource::Mark, reference, events);
        self.refresh_marks(events);
        if let Some(value) = self.index_value(&terms.grade) {
            let index = terms.nearest_price(value);
            self.set_trigger_price(id, PriceSource::Index, index, events);
        }
        Ok(())
    }
}
