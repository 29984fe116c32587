//! Signatures on reports, collected until `2f + 1` have signed the same.
//!
//! Invariant: a report is given out once, with the signatures of `2f + 1` reporters or more over exactly its digest.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, Nanos};

use super::message::{Endorsement, Place};
use crate::io::sign::{SignatureBytes, SignedReport, recover};
use crate::report::{Report, ReporterSet};

/// Ticks that are remembered behind the last one, and taken before it.
const HEIGHTS_KEPT: u64 = 16;

/// What is still being signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Endorsements {
    ours: BTreeMap<(u64, GradeId), Ours>,
    theirs: BTreeMap<(u64, GradeId, Place), ([u8; 32], SignatureBytes)>,
    /// The newest complete report of each grade.
    newest: BTreeMap<GradeId, SignedReport>,
    /// Signatures of each reporter over something else than what we found.
    disagreements: BTreeMap<Place, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Ours {
    report: Report,
    digest: [u8; 32],
    is_out: bool,
}

impl Endorsements {
    /// A report that follows from the chain.
    pub(super) fn found(&mut self, report: Report, digest: [u8; 32]) {
        let (height, name) = (report.height, (report.height, report.grade.clone()));
        self.ours.insert(name.clone(), Ours { report, digest, is_out: false });
        let oldest = height.saturating_sub(HEIGHTS_KEPT);
        self.ours.retain(|(height, _), _| oldest <= *height);
        self.theirs.retain(|(height, _, _), _| oldest <= *height);
        let (height, grade) = name;
        for place in 0..=Place::MAX {
            let said = self.theirs.get(&(height, grade.clone(), place));
            if said.is_some_and(|(said, _)| *said != digest) {
                self.disagree(place);
            }
        }
    }

    /// Takes a signature of `from`. The caller has checked that `from` sent it; that it signs the digest is checked here.
    pub(super) fn hear(
        &mut self,
        (set, next_height): (&ReporterSet, u64),
        from: Place,
        said: &Endorsement,
    ) {
        let name = (said.height, said.grade.clone());
        let is_known = self.ours.contains_key(&name);
        // Of ticks to come only the next ones, so that nobody can fill the map.
        let is_near = next_height <= said.height && said.height <= next_height.saturating_add(1);
        let signer = recover(&said.digest, &said.signature).ok();
        let is_theirs = signer.and_then(|it| set.position(&it)) == Some(from.into());
        let key = (said.height, said.grade.clone(), from);
        if !(is_known || is_near) || !is_theirs || self.theirs.contains_key(&key) {
            return;
        }
        self.theirs.insert(key, (said.digest, said.signature));
        if self.ours.get(&name).is_some_and(|ours| ours.digest != said.digest) {
            self.disagree(from);
        }
    }

    fn disagree(&mut self, place: Place) {
        let count = self.disagreements.entry(place).or_default();
        *count = count.saturating_add(1);
    }

    /// Reports that have enough signatures and are not out yet.
    pub(super) fn complete(&mut self, set: &ReporterSet, now: Nanos) -> Vec<SignedReport> {
        let mut complete = Vec::new();
        for ((height, grade), ours) in self.ours.iter_mut().filter(|(_, ours)| !ours.is_out) {
            let (first, last) =
                ((*height, grade.clone(), Place::MIN), (*height, grade.clone(), Place::MAX));
            let same = self.theirs.range(first..=last).filter(|(_, (it, _))| *it == ours.digest);
            let addresses = set.addresses();
            let mut signed: Vec<_> = same
                .filter_map(|((_, _, place), (_, signature))| {
                    Some((addresses.get(usize::from(*place))?, *signature))
                })
                .collect();
            if signed.len() < set.quorum() {
                continue;
            }
            ours.is_out = true;
            signed.sort_unstable_by_key(|(address, _)| **address);
            let signatures = signed.into_iter().map(|(_, signature)| signature).collect();
            let report = ours.report.clone();
            complete.push(SignedReport { report, signatures, written_at: now });
        }
        for signed in &complete {
            let grade = &signed.report.grade;
            let is_newer = |before: &SignedReport| before.report.height < signed.report.height;
            if self.newest.get(grade).is_none_or(is_newer) {
                self.newest.insert(grade.clone(), signed.clone());
            }
        }
        complete
    }

    /// The newest complete report of each grade.
    pub(super) fn newest(&self) -> impl Iterator<Item = &SignedReport> {
        self.newest.values()
    }

    /// Our signatures on the reports of a tick.
    pub(super) fn of(&self, me: Place, height: u64) -> Vec<Endorsement> {
        let of_height = self.ours.iter().filter(|((it, _), _)| *it == height);
        of_height.filter_map(|((_, grade), _)| self.one(me, height, grade)).collect()
    }

    /// Our signatures on reports that are not out yet, to be said again.
    pub(super) fn waiting(&self, me: Place) -> Vec<Endorsement> {
        let waiting = self.ours.iter().filter(|(_, ours)| !ours.is_out);
        waiting.filter_map(|((height, grade), _)| self.one(me, *height, grade)).collect()
    }

    fn one(&self, me: Place, height: u64, grade: &GradeId) -> Option<Endorsement> {
        let (digest, signature) = *self.theirs.get(&(height, grade.clone(), me))?;
        let grade = grade.clone();
        Some(Endorsement { height, grade, digest, signature, wants_answer: false })
    }

    /// How often each reporter has signed something else than what we found.
    pub(super) const fn disagreements(&self) -> &BTreeMap<Place, u64> {
        &self.disagreements
    }
}
