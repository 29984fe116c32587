//! What all reporters have in common: the ticks decided so far, and what follows from them.
//!
//! Invariant: a [`Chain`] is a function of the settings and the inputs decided, and of nothing else. So is every report.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::utils::keccak256;
use instruments::{GradeId, Nanos, NanosSpan};

use super::message::{InputSet, List, PROOFS_MAX, PROVIDER_SERIES_MAX, STATEMENTS_MAX};
use crate::index::Index;
use crate::io::sign::{
    Domain, EquivocationProof, Intake, SignedObservation, bytes, merkle_root, report_digest,
};
use crate::observation::Observation;
use crate::params::Params;
use crate::print::METHODOLOGY;
use crate::publication::{Publication, PublicationTerms};
use crate::registry::Registry;
use crate::report::{Provenance, Report, ReporterSet};
use crate::statement::{Address, StatementSeries, StatementTerms};

/// What all reporters must have alike. Its hash is in everything that they and the providers sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The door for statements.
    pub intake: Intake,
    /// Who reports.
    pub reporters: ReporterSet,
    /// The method.
    pub method: Method,
}

/// The method of the index, from statement to report.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Method {
    /// The parameters of the index.
    pub params: Params,
    /// When statements count.
    pub terms: StatementTerms,
    /// When there is a report.
    pub publication: PublicationTerms,
    /// From tick to tick. Ticks are its multiples since the beginning of 1970.
    pub cadence: NanosSpan,
}

impl Method {
    /// The hash of the version and every parameter.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        keccak256([b"tenor oracle methodology ".to_vec(), bytes(&(METHODOLOGY, self))].concat())
    }

    /// The newest tick that is not after `now`.
    #[must_use]
    pub fn tick_before(&self, now: Nanos) -> Nanos {
        let cadence = self.cadence.nanos();
        // Rounds down to a multiple; without a cadence every moment is a tick.
        let over = now.nanos().checked_rem(cadence).unwrap_or(0);
        Nanos::new(now.nanos().saturating_sub(over))
    }
}

impl Settings {
    /// Settings whose statements and reports name the method they are made by.
    #[must_use]
    pub fn new(
        (chain_id, oracle_id): (u64, [u8; 32]),
        registry: Registry,
        reporters: ReporterSet,
        method: Method,
    ) -> Self {
        let domain = Domain { chain_id, oracle_id, methodology: method.hash() };
        let intake = Intake { domain, terms: method.terms, registry };
        Self { intake, reporters, method }
    }
}

/// The ticks so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chain {
    height: u64,
    tick_at: Option<Nanos>,
    head: [u8; 32],
    newest: BTreeMap<StatementSeries, SignedObservation>,
    struck: BTreeSet<Address>,
    grades: BTreeMap<GradeId, GradeLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct GradeLine {
    index: Index,
    publication: Publication,
    previous: [u8; 32],
}

impl Chain {
    /// The tick that comes next, counted from 1.
    #[must_use]
    pub const fn next_height(&self) -> u64 {
        self.height.saturating_add(1)
    }

    /// When the last tick was.
    #[must_use]
    pub const fn tick_at(&self) -> Option<Nanos> {
        self.tick_at
    }

    /// Whether a provider said two things at once and is not heard any more.
    #[must_use]
    pub fn is_struck(&self, provider: &Address) -> bool {
        self.struck.contains(provider)
    }

    /// The newest statement that has counted.
    #[must_use]
    pub fn newest(&self, series: &StatementSeries) -> Option<&SignedObservation> {
        self.newest.get(series)
    }

    /// What follows from lists of one tick: all that any of them has, judged as of the tick. `None` when they are not of the next tick.
    #[must_use]
    pub fn resolve(&self, settings: &Settings, lists: &[&List]) -> Option<InputSet> {
        let tick_at = lists.first()?.tick_at;
        let is_next = |list: &&&List| list.height == self.next_height() && list.tick_at == tick_at;
        let is_later = self.tick_at < Some(tick_at);
        let is_tick = settings.method.tick_before(tick_at) == tick_at;
        let fits = |list: &&&List| {
            list.statements.len() <= STATEMENTS_MAX && list.proofs.len() <= PROOFS_MAX
        };
        if !is_later || !is_tick || !lists.iter().all(|list| is_next(&list) && fits(&list)) {
            return None;
        }

        let domain = &settings.intake.domain;
        let mut proofs: BTreeMap<Address, EquivocationProof> = BTreeMap::new();
        for proof in lists.iter().flat_map(|list| &list.proofs) {
            if !self.struck.contains(&proof.accused()) && proof.verify(domain).is_ok() {
                proofs.insert(proof.accused(), least(&proofs, *proof));
            }
        }
        let all: BTreeSet<&SignedObservation> =
            lists.iter().flat_map(|list| &list.statements).collect();
        let valid = all.into_iter().filter(|signed| settings.intake.take(signed, tick_at).is_ok());
        let mut chosen = self.still_fresh(settings, tick_at);
        for signed in valid.copied() {
            let series = signed.statement.key().series;
            for other in [self.newest.get(&series), chosen.get(&series)].into_iter().flatten() {
                let proof = EquivocationProof::new(signed, *other);
                if proof.verify(domain).is_ok() {
                    proofs.insert(proof.accused(), least(&proofs, proof));
                }
            }
            if self.is_news(&chosen, &signed) {
                chosen.insert(series, signed);
            }
        }
        let is_heard = |it: &Address| !self.struck.contains(it) && !proofs.contains_key(it);
        let statements: Vec<_> =
            chosen.into_values().filter(|it| is_heard(&it.statement.provider)).collect();
        let (height, previous) = (self.next_height(), self.head);
        let proofs = proofs.into_values().collect();
        Some(InputSet { height, tick_at, previous, statements, proofs })
    }

    /// What has counted before and is not too old: nobody has to say it again.
    fn still_fresh(
        &self,
        settings: &Settings,
        tick_at: Nanos,
    ) -> BTreeMap<StatementSeries, SignedObservation> {
        let terms = &settings.method.terms;
        let fresh = self.newest.iter().filter(|(_, it)| it.statement.check(terms, tick_at).is_ok());
        fresh.map(|(series, signed)| (*series, *signed)).collect()
    }

    /// Whether a statement is after those of its series, and its provider has not too many series.
    fn is_news(
        &self,
        chosen: &BTreeMap<StatementSeries, SignedObservation>,
        signed: &SignedObservation,
    ) -> bool {
        let key = signed.statement.key();
        let before = [self.newest.get(&key.series), chosen.get(&key.series)];
        let is_after = before.into_iter().flatten().all(|it| it.statement.key() < key);
        is_after && self.has_room(key.series, chosen)
    }

    /// Whether a provider may have one more series, or this is one that it has.
    pub(super) fn has_room(
        &self,
        series: StatementSeries,
        more: &BTreeMap<StatementSeries, SignedObservation>,
    ) -> bool {
        let (first, last) = StatementSeries::bounds(series.provider);
        let known = self.newest.range(first..=last).chain(more.range(first..=last));
        let known: BTreeSet<&StatementSeries> = known.map(|(series, _)| series).collect();
        known.contains(&series) || known.len() < PROVIDER_SERIES_MAX
    }

    /// Takes the inputs of the next tick and says what is to be reported. `None`, and nothing changes, when they are not of the next tick.
    pub fn apply(&mut self, settings: &Settings, inputs: &InputSet) -> Option<Vec<Report>> {
        let is_next = inputs.height == self.next_height() && inputs.previous == self.head;
        if !is_next || Some(inputs.tick_at) <= self.tick_at {
            return None;
        }

        // From here on nothing can fail.
        self.height = inputs.height;
        self.tick_at = Some(inputs.tick_at);
        self.head = inputs.hash();
        self.struck.extend(inputs.proofs.iter().map(EquivocationProof::accused));
        let mut by_grade: BTreeMap<GradeId, Vec<Observation>> = BTreeMap::new();
        for signed in &inputs.statements {
            self.newest.insert(signed.statement.key().series, *signed);
            // The same question that every reporter has answered with yes before it voted.
            if let Ok((grade, observation)) = settings.intake.take(signed, inputs.tick_at) {
                by_grade.entry(grade).or_default().push(observation);
            }
        }
        let root = merkle_root(&inputs.statements);
        let grades = settings.intake.registry.grades();
        let mut reports = Vec::new();
        for (_, grade) in grades {
            let observations = by_grade.remove(grade).unwrap_or_default();
            reports.extend(self.report(settings, (grade, &observations), (inputs, root)));
        }
        Some(reports)
    }

    fn report(
        &mut self,
        settings: &Settings,
        (grade, observations): (&GradeId, &[Observation]),
        (inputs, inputs_root): (&InputSet, [u8; 32]),
    ) -> Option<Report> {
        let line = self.grades.entry(grade.clone()).or_insert_with(|| GradeLine {
            index: Index::new(settings.method.params.clone()),
            publication: Publication::default(),
            previous: [0; 32],
        });
        let print = line.index.tick(inputs.tick_at, observations);
        let terms = &settings.method.publication;
        let trigger = line.publication.decide(terms, &print)?;
        let report = Report::new(
            &print,
            Provenance {
                grade: grade.clone(),
                height: inputs.height,
                trigger,
                heartbeat: terms.heartbeat,
                methodology: settings.intake.domain.methodology,
                inputs_root,
                inputs: u32::try_from(inputs.statements.len()).unwrap_or(u32::MAX),
                previous: line.previous,
            },
        );
        line.previous = report_digest(&report, &settings.intake.domain);
        Some(report)
    }
}

/// Of several proofs against one provider the least is kept, so that their order does not matter.
fn least(
    proofs: &BTreeMap<Address, EquivocationProof>,
    proof: EquivocationProof,
) -> EquivocationProof {
    proofs.get(&proof.accused()).map_or(proof, |before| proof.min(*before))
}
