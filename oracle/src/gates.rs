//! The conditions of the state `OK`, each with what was measured and what it is measured against.

use std::collections::BTreeMap;

use instruments::Ppm;

use crate::attendance::Attendance;
use crate::ballot::{Ballot, by, cluster_voices, ratio, total};
use crate::cluster::ClusterId;
use crate::confidence::sigma;
use crate::explain::{Gate, GateName};
use crate::filter::Outcome;
use crate::log::NanoLog;
use crate::params::Params;

/// How the weight of a tick is spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    /// Equal voices of clusters.
    pub(crate) voices: Ppm,
    /// The largest cluster's share of the weight.
    pub(crate) top_share: Ppm,
    /// The largest cluster's share of the weight with transactions, if there is any.
    top_transacted: Option<Ppm>,
    /// The largest aggregator's share of the weight.
    top_route: Ppm,
}

impl Crowd {
    /// Of these ballots.
    pub(crate) fn of(ballots: &[Ballot<'_>]) -> Self {
        let owned = by(ballots, |one| Some(one.owner));
        let transacted = by(ballots, |one| one.member.is_transacted().then_some(one.owner));
        let routed = by(ballots, |one| {
            let route: &ClusterId = &one.member.route;
            (!route.is_direct()).then_some(route)
        });
        let top = |sums: &BTreeMap<u32, u64>| sums.values().copied().max().unwrap_or(0);
        let all_transacted = transacted.values().fold(0_u64, |sum, mass| sum.saturating_add(*mass));
        let all = total(ballots);
        Self {
            voices: cluster_voices(&owned),
            top_share: ratio(top(&owned), all),
            top_transacted: (0 < all_transacted).then(|| ratio(top(&transacted), all_transacted)),
            top_route: ratio(routed.values().copied().max().unwrap_or(0), all),
        }
    }
}

/// Every condition, whether or not it is met. What nobody reports is not asked for.
pub(crate) fn gates(
    attendance: &Attendance,
    outcome: &Outcome,
    (conf, is_wide, jump): (Ppm, bool, Option<NanoLog>),
    params: &Params,
) -> Vec<Gate> {
    let crowd = &outcome.crowd;
    let mut gates = vec![
        at_least(GateName::Providers, attendance.voting.into(), params.providers_full.into()),
        at_least(GateName::Clusters, attendance.clusters.into(), params.providers_full.into()),
        at_least(GateName::Voices, crowd.voices.ppm(), params.voices_min.ppm()),
        at_most(GateName::Route, crowd.top_route.ppm(), params.route_share_max.ppm()),
    ];
    let top = crowd.top_transacted.filter(|_| 1 < attendance.transacted);
    let top = top.unwrap_or(crowd.top_share);
    gates.push(at_most(GateName::TopShare, top.ppm(), params.top_share_max.ppm()));
    if attendance.has_transactions {
        let needed = params.transacted_min.into();
        gates.push(at_least(GateName::Transacted, attendance.transacted.into(), needed));
    }
    if let Some(reading) = outcome.reading {
        let units = i64::try_from(reading.units).unwrap_or(i64::MAX);
        gates.push(at_least(GateName::Units, units, params.units_min.into()));
    }
    let dispersion = millionths(sigma(outcome.estimate.deviation));
    let limit = if is_wide { params.dispersion_leave } else { params.dispersion_enter };
    let dispersion =
        Gate { is_open: !is_wide, ..at_most(GateName::Dispersion, dispersion, millionths(limit)) };
    gates.push(dispersion);
    gates.push(at_most(GateName::Confidence, conf.ppm(), params.conf_max.ppm()));
    let moved = jump.map_or(0, |jump| millionths(jump.abs()));
    gates.push(Gate {
        // A believed jump has passed; what is not believed is another state.
        is_open: true,
        ..at_most(GateName::Jump, moved, millionths(params.jump_min))
    });
    gates
}

fn at_least(name: GateName, is: i64, limit: i64) -> Gate {
    Gate { name, is_open: limit <= is, is, limit }
}

fn at_most(name: GateName, is: i64, limit: i64) -> Gate {
    Gate { name, is_open: is <= limit, is, limit }
}

fn millionths(log: NanoLog) -> i64 {
    log.nanos().div_euclid(1_000)
}
