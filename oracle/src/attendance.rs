//! Who stands behind a tick, and whether that is enough to publish.

use instruments::Nanos;

use crate::member::Member;
use crate::params::Params;
use crate::print::Withheld;

/// Counts of a tick. Owners are counted where agreement matters, providers where they are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attendance {
    /// Providers that vote and quoted.
    pub(crate) voting: u32,
    /// Owners of these.
    pub(crate) clusters: u32,
    /// Owners of providers that vote and quoted recently.
    recent: u32,
    /// Owners of providers that vote and quoted a price that money changed hands for.
    pub(crate) transacted: u32,
    /// Whether any voter remembered here ever did.
    pub(crate) has_transactions: bool,
    /// Providers that quoted and do not vote yet.
    on_probation: u32,
}

/// What a print stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footing {
    /// Enough owners quoted.
    Full,
    /// One owner short, replaced by a recent quote.
    Recent,
    /// Too few owners, but enough of them with transactions; only these vote.
    Transacted,
}

impl Attendance {
    /// Counts the members at a tick, each with its owner's number.
    pub(crate) fn of<'a>(
        members: impl Iterator<Item = (&'a Member, u32)>,
        now: Nanos,
        params: &Params,
    ) -> Self {
        let (mut voting, mut on_probation, mut has_transactions) = (0_u32, 0_u32, false);
        let (mut clusters, mut recent, mut transacted) = (Vec::new(), Vec::new(), Vec::new());
        for (member, owner) in members {
            let (is_voter, is_present) = (member.is_voter(), member.is_present);
            if !is_voter {
                on_probation = on_probation.saturating_add(u32::from(is_present));
                continue;
            }
            has_transactions = has_transactions || member.is_transacted();
            if now.since(member.quote.at) <= params.recent {
                recent.push(owner);
            }
            if is_present {
                voting = voting.saturating_add(1);
                clusters.push(owner);
                if member.is_transacted() {
                    transacted.push(owner);
                }
            }
        }
        Self {
            voting,
            clusters: count(clusters),
            recent: count(recent),
            transacted: count(transacted),
            has_transactions,
            on_probation,
        }
    }

    /// What a print of this tick may stand on.
    pub(crate) fn footing(self, params: &Params) -> Result<Footing, Withheld> {
        let needed = params.providers_min;
        if self.voting.saturating_add(self.on_probation) == 0 {
            return Err(Withheld::NoObservations);
        }
        if needed <= self.clusters {
            return Ok(Footing::Full);
        }
        if needed <= self.clusters.saturating_add(1) && needed <= self.recent {
            return Ok(Footing::Recent);
        }
        if params.transacted_min <= self.transacted {
            return Ok(Footing::Transacted);
        }
        let on_probation = self.on_probation;
        if self.voting < needed {
            return Err(Withheld::Providers { voting: self.voting, needed, on_probation });
        }
        Err(Withheld::Clusters { voting: self.clusters, needed, on_probation })
    }
}

fn count(mut owners: Vec<u32>) -> u32 {
    owners.sort_unstable();
    owners.dedup();
    u32::try_from(owners.len()).unwrap_or(u32::MAX)
}
