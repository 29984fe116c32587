//! Reads out of a directory, without changing anything in it, how a series was assigned and what became of that.

use std::path::Path;

use exchange::io::{DataDir, RealDisk, Settings, scan};
use exchange::{CloseOutEvent, Event, Exchange, PublishedAssignment, RULES_VERSION};
use settlement::Assignment;

use super::recover::RecoverError;
use super::replay::replay;
use crate::raise;
use crate::wire::WireAssignment;

/// How one series was assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentOnRecord {
    /// The series' name.
    pub instrument: String,
    /// What was published.
    pub published: PublishedAssignment,
    /// What is owed after it, in the order in which it was issued.
    pub owed: Vec<Assignment>,
}

impl AssignmentOnRecord {
    /// The same as it is written down.
    #[must_use]
    pub fn file(&self) -> WireAssignment {
        raise::assignment(&self.instrument, &self.published)
    }
}

/// Replays the journal of `data_dir` and looks for the assignment of the series called `instrument`.
///
/// # Errors
/// As [`super::verify()`].
pub fn assignment(
    data_dir: &Path,
    instrument: &str,
) -> Result<Option<AssignmentOnRecord>, RecoverError> {
    let place = DataDir::new(RealDisk, data_dir);
    let mut exchange = Exchange::new();
    let mut found: Option<AssignmentOnRecord> = None;
    scan(&place, &Settings::new(RULES_VERSION), None, |record| -> Result<(), RecoverError> {
        let Some(happened) = replay(&mut exchange, record)? else { return Ok(()) };
        for event in happened.events {
            note(&exchange, instrument, event, &mut found);
        }
        Ok(())
    })?;
    Ok(found)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about an assignment")]
fn note(
    exchange: &Exchange,
    instrument: &str,
    event: Event,
    found: &mut Option<AssignmentOnRecord>,
) {
    match event {
        Event::CloseOut(CloseOutEvent::AssignmentPublished(published)) => {
            let series = exchange.series_by_id(published.inputs.instrument);
            if series.is_some_and(|series| series.instrument.name == instrument) {
                let instrument = instrument.to_owned();
                let published = *published;
                *found = Some(AssignmentOnRecord { instrument, published, owed: Vec::new() });
            }
        }
        Event::ObligationAssigned { instrument: of, seller, buyer, lots, .. } => {
            if let Some(found) = found.as_mut()
                && found.published.inputs.instrument == of
            {
                found.owed.push(Assignment { seller, buyer, lots });
            }
        }
        _ => {}
    }
}
