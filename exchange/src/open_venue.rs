//! The first command of every journal.

use crate::Exchange;
use crate::command::OpenVenue;
use crate::event::Event;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn open_venue(
        &mut self,
        terms: &OpenVenue,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if self.venue.is_some() {
            return Err(Reject::VenueAlreadyOpen);
        }

        // From here on nothing can fail.
        self.venue = Some(*terms);
        self.variation_at = terms.variation_from.max(self.now);
        events.push(Event::VenueOpened);
        Ok(())
    }
}
