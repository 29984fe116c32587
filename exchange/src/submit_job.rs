//! A buyer asks for work of its own on the hardware that is being delivered to it.

use instruments::{AccountId, GpuSeconds, ObligationId};
use settlement::{CHECKPOINTS_MAX, Job, JobState, JobTask, claim_within, job_value};

use crate::Exchange;
use crate::event::{Event, JobEvent};
use crate::jobs::OPEN_JOBS_MAX;
use crate::reject::{JobReject, Reject};
use crate::run_timers::later;

impl Exchange {
    /// The job is for whoever delivers now: a stand-in runs what is submitted in its time.
    pub(crate) fn submit_job(
        &mut self,
        account: AccountId,
        obligation: ObligationId,
        task: &JobTask,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let refuse = |reason| Err(Reject::Job(reason));
        let delivery = self.deliveries.get(&obligation).ok_or(Reject::UnknownObligation)?;
        let duty = &delivery.obligation;
        if account != duty.buyer {
            return refuse(JobReject::NotTheBuyer);
        }
        let Some(interval) = self.current_interval(obligation) else {
            return refuse(JobReject::NotDelivering);
        };
        if task.checkpoints().is_none() {
            let limit = u64::from(CHECKPOINTS_MAX);
            return refuse(JobReject::CheckpointsOutOfRange { limit });
        }
        let series = self.series.get(&duty.instrument).ok_or(Reject::UnknownObligation)?;
        let terms = &series.instrument;
        let count = u64::from(duty.interval_count());
        let whole = duty.interval_compute(terms).seconds().saturating_mul(count);
        if !(1..=whole).contains(&task.compute.seconds()) {
            let limit = GpuSeconds::new(whole);
            return refuse(JobReject::ComputeOutOfRange { limit });
        }
        let open = self.jobs.of(obligation).filter(|job| !job.state.has_ended() || job.is_owing);
        if OPEN_JOBS_MAX <= open.count() {
            let limit = u64::try_from(OPEN_JOBS_MAX).unwrap_or(u64::MAX);
            return refuse(JobReject::TooManyJobs { limit });
        }

        // From here on nothing can fail.
        let within = claim_within(task.compute, duty.lots.lots(), self.jobs.terms());
        let claim_by = later(self.now, within);
        let id = self.jobs.next_id();
        let job = Job {
            id,
            obligation,
            buyer: account,
            prover: duty.deliverer(interval),
            task: *task,
            value: job_value(task.compute, terms.per_hour(duty.settlement_price)),
            submitted_at: self.now,
            intervals: (interval, interval),
            state: JobState::Submitted { claim_by },
            claim: None,
            dispute: None,
            is_owing: false,
            returned: instruments::MicroUsd::ZERO,
        };
        events.push(Event::Job(JobEvent::Submitted {
            job: id,
            obligation,
            buyer: account,
            prover: job.prover,
            task: *task,
            value: job.value,
            claim_by,
        }));
        self.jobs.insert(job);
        Ok(())
    }
}
