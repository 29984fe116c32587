//! Notes how many GPUs an account can deliver. The venue has seen them: the shell lets through what an attestation backs.

use instruments::{AccountId, GradeId, InstrumentId};

use crate::Exchange;
use crate::event::Event;
use crate::limits::CAPACITY_MAX;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn register_capacity(
        &mut self,
        account: AccountId,
        grade: &GradeId,
        gpus: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let terms = self.margins.grades.iter_mut().find(|terms| terms.grade == *grade);
        let terms = terms.ok_or(Reject::UnknownGrade)?;
        if CAPACITY_MAX < gpus {
            return Err(Reject::CapacityOutOfRange { limit: CAPACITY_MAX });
        }

        // From here on nothing can fail.
        if gpus == 0 {
            terms.capacity.remove(&account);
        } else {
            terms.capacity.insert(account, gpus);
        }
        let deliverable = terms.deliverable();
        let grade = grade.clone();
        let of_grade = self.series.values().filter(|series| series.instrument.grade == grade);
        let listed: Vec<InstrumentId> = of_grade.map(|series| series.instrument.id).collect();
        events.push(Event::CapacityRegistered { account, grade, gpus, deliverable });
        for instrument in listed {
            self.refresh_scale(instrument, events);
            self.rehold_holders(instrument);
        }
        Ok(())
    }
}
