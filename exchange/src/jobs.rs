//! The buyers' jobs: what is kept about them, what the timer does for them, and how they end.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{JobId, MicroUsd, Nanos, ObligationId};
use settlement::{DisputePaid, Job, JobState, JobStep, JobTerms};

use crate::Exchange;
use crate::event::{Event, JobEvent};
use crate::reject::{JobReject, Reject};

/// Jobs of one obligation that have not ended.
pub(crate) const OPEN_JOBS_MAX: usize = 16;
/// Jobs of one obligation that are remembered.
const JOBS_MAX: usize = 64;

/// All jobs that are remembered.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Jobs {
    terms: JobTerms,
    /// The last id there was.
    issued: u64,
    all: BTreeMap<JobId, Job>,
    of_obligation: BTreeMap<ObligationId, BTreeSet<JobId>>,
    /// When something is due for those that have not ended.
    deadlines: BTreeSet<(Nanos, JobId)>,
    /// Those of which hours are still to be returned.
    owing: BTreeSet<JobId>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            terms: JobTerms::standard(),
            issued: 0,
            all: BTreeMap::new(),
            of_obligation: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            owing: BTreeSet::new(),
        }
    }
}

impl Jobs {
    /// On what terms jobs are run now.
    #[must_use]
    pub const fn terms(&self) -> &JobTerms {
        &self.terms
    }

    /// A job that is remembered.
    #[must_use]
    pub fn get(&self, job: JobId) -> Option<&Job> {
        self.all.get(&job)
    }

    /// All that are remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.all.values()
    }

    /// Those of one obligation, oldest first.
    pub fn of(&self, obligation: ObligationId) -> impl Iterator<Item = &Job> {
        let ids = self.of_obligation.get(&obligation).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id))
    }

    pub(crate) fn next_id(&self) -> JobId {
        JobId(self.issued.saturating_add(1))
    }

    /// Takes in a new job; the oldest of its obligation that has nothing left to do is forgotten where there are too many.
    pub(crate) fn insert(&mut self, job: Job) {
        self.issued = job.id.0;
        let ids = self.of_obligation.entry(job.obligation).or_default();
        ids.insert(job.id);
        let is_done = |id: &&JobId| {
            self.all.get(id).is_some_and(|job| job.state.has_ended() && !job.is_owing)
        };
        if JOBS_MAX < ids.len()
            && let Some(oldest) = ids.iter().find(is_done).copied()
        {
            ids.remove(&oldest);
            self.all.remove(&oldest);
        }
        self.deadlines.extend(job.state.deadline().map(|at| (at, job.id)));
        self.all.insert(job.id, job);
    }

    /// Takes one step of one job, which was looked at before, and keeps the deadlines in step with it.
    pub(crate) fn step(&mut self, id: JobId, step: JobStep) -> Option<JobState> {
        let job = self.all.get_mut(&id)?;
        let before = job.state.deadline();
        let is_taken = job.step(step);
        assert!(is_taken, "a job's step was looked at before");
        if let Some(at) = before {
            self.deadlines.remove(&(at, id));
        }
        if let Some(at) = job.state.deadline() {
            self.deadlines.insert((at, id));
        }
        if job.is_owing {
            self.owing.insert(id);
        }
        Some(job.state)
    }

    pub(crate) fn get_mut(&mut self, job: JobId) -> Option<&mut Job> {
        self.all.get_mut(&job)
    }
}

impl Exchange {
    /// The buyers' jobs.
    #[must_use]
    pub const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    pub(crate) fn set_job_terms(
        &mut self,
        terms: &JobTerms,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !terms.are_sound() {
            return Err(Reject::Job(JobReject::BadTerms));
        }
        self.jobs.terms = *terms;
        events.push(Event::Job(JobEvent::TermsSet(*terms)));
        Ok(())
    }

    /// A job and what it waits for now.
    pub(crate) fn awaited_job(&self, id: JobId) -> Result<(&Job, JobState), Reject> {
        let job = self.jobs.get(id).ok_or(Reject::Job(JobReject::UnknownJob))?;
        let state = job.awaits(self.now).ok_or(Reject::Job(JobReject::WrongStep))?;
        Ok((job, state))
    }

    /// The interval that is being delivered, if one is.
    pub(crate) fn current_interval(&self, obligation: ObligationId) -> Option<u32> {
        let delivery = self.deliveries.get(&obligation)?;
        let series = self.series.get(&delivery.obligation.instrument)?;
        let schedule = &series.instrument.schedule;
        let is_open = !delivery.obligation.closed && self.now < schedule.deliver_until;
        delivery.next_interval.checked_sub(1).filter(|_| is_open)
    }

    /// Notes in which interval a job ceased to be awaited.
    pub(crate) fn end_work(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(id) else { return };
        let Some(delivery) = self.deliveries.get(&job.obligation) else { return };
        let last = delivery.next_interval.saturating_sub(1);
        if let Some(job) = self.jobs.get_mut(id) {
            job.intervals.1 = last.max(job.intervals.0);
        }
    }

    /// What was awaited and has not come.
    pub(crate) fn run_jobs(&mut self, events: &mut Vec<Event>) {
        while let Some((_, id)) = self.jobs.deadlines.first().filter(|(at, _)| *at <= self.now) {
            let id = *id;
            if matches!(self.jobs.get(id).map(|job| job.state), Some(JobState::Submitted { .. })) {
                self.end_work(id);
            }
            self.jobs.step(id, JobStep::Deadline);
            self.end_job(id, events);
        }
    }

    /// When a job has something to do next.
    pub(crate) fn next_job(&self) -> Option<Nanos> {
        self.jobs.deadlines.first().map(|(at, _)| *at)
    }

    /// Moves the money of a job that has just ended.
    pub(crate) fn end_job(&mut self, id: JobId, events: &mut Vec<Event>) {
        let Some(job) = self.jobs.get(id) else { return };
        let JobState::Ended { outcome } = job.state else { return };
        let Some(delivery) = self.deliveries.get_mut(&job.obligation) else { return };
        let paid = if job.dispute.is_some() {
            settlement::end_dispute(&mut self.ledger, job, &mut delivery.obligation, outcome)
        } else {
            DisputePaid::default()
        };
        let (obligation, parties) = (job.obligation, [job.buyer, job.prover]);
        events.push(Event::Job(JobEvent::Ended { job: id, obligation, outcome, paid }));
        for account in parties {
            self.rehold(account);
        }
    }

    /// DISPUTE-009: the hours of jobs that were not done come back once every interval of theirs is settled.
    pub(crate) fn return_hours(&mut self, events: &mut Vec<Event>) {
        if self.jobs.owing.is_empty() {
            return;
        }
        for id in self.jobs.owing.clone() {
            let Some(job) = self.jobs.get(id) else { continue };
            let Some(delivery) = self.deliveries.get(&job.obligation) else { continue };
            let Some(paid) = settlement::hours_paid(job, &delivery.obligation) else { continue };
            let left = (paid - self.returned_beside(job)).max(MicroUsd::ZERO);
            self.return_hours_of(id, left, events);
        }
    }

    /// What came back already for intervals of this job: an hour comes back once.
    fn returned_beside(&self, job: &Job) -> MicroUsd {
        let (first, last) = job.intervals;
        let shares = |other: &&Job| other.intervals.0 <= last && first <= other.intervals.1;
        self.jobs.of(job.obligation).filter(shares).map(|other| other.returned).sum()
    }

    fn return_hours_of(&mut self, id: JobId, paid: MicroUsd, events: &mut Vec<Event>) {
        self.jobs.owing.remove(&id);
        let Some(job) = self.jobs.all.get_mut(&id) else { return };
        let Some(delivery) = self.deliveries.get_mut(&job.obligation) else { return };
        let duty = &mut delivery.obligation;
        let hours = settlement::return_hours(&mut self.ledger, job, duty, paid);
        job.is_owing = false;
        job.returned = hours.returned;
        let (obligation, parties) = (job.obligation, [job.buyer, job.prover]);
        events.push(Event::Job(JobEvent::HoursReturned { job: id, obligation, hours }));
        for account in parties {
            self.rehold(account);
        }
    }
}
