//! What a coalition does: how it looks from outside, and what it says when.

use oracle::{NanoLog, Observation};

use super::market::{CALM, DAY, LEASED, Market, PROVIDERS, Said, name};

/// ln 10.
const TENFOLD: NanoLog = NanoLog::new(2_302_585_093);
/// ln 1.42: below the limit of every rule that deletes outliers.
const STEALTH: NanoLog = NanoLog::new(350_656_872);
/// ln 0.7.
const THIRD_OFF: NanoLog = NanoLog::new(-356_674_944);
/// ln 1 000 000.
const MILLIONFOLD: NanoLog = NanoLog::new(13_815_510_558);
/// ln 1.18: what one index restates PCIe cards to SXM by.
const MISREAD: NanoLog = NanoLog::new(165_514_438);

/// Names that each provider of a coalition takes when it clones itself.
pub(super) const CLONES: u32 = 10;
/// How many times its true leased hours a washing provider reports.
pub(super) const WASHED: u32 = 4;

/// The kinds of attack, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ten times the price.
    Tenfold,
    /// A tenth of the price.
    Tenth,
    /// 42 % more than the price.
    Stealth,
    /// Ten times the ask, while what was paid stays what it was.
    AsksTenfold,
    /// Ten times the price on the day of the two rows below, each under its own name.
    OwnNames,
    /// Ten times the price, each under ten names whose owner is known.
    ClonesOwned,
    /// Ten times the price, each under ten names whose owner is hidden.
    ClonesHidden,
    /// The same, with all the names there when the index is founded.
    ClonesFounding,
    /// Not quoting.
    Leave,
    /// One provider asks a million times the price where all others agree exactly.
    OneWild,
    /// Ten times the price for a week.
    WeekTenfold,
    /// Thirty per cent less for thirteen days, then ten times the price.
    SpreadWalk,
    /// Four times the leased hours, and ten times the price on the last day.
    Wash,
    /// All of its GPUs leased on the last day, at honest prices.
    FullDay,
    /// All of its GPUs leased for a week, at honest prices.
    FullWeek,
    /// Quotes that came by one route repeat those of the day before while the market rises by a tenth.
    RouteStale,
    /// Quotes that came by one route are 18 % too high for a day.
    RouteShifted,
    /// The best policy that was found for raising the settlement within a day.
    DayUp,
    /// The best policy that was found for lowering it within a day.
    DayDown,
    /// The best policy that was found for raising the settlement within two weeks.
    AdaptiveUp,
    /// The best policy that was found for lowering it within two weeks.
    AdaptiveDown,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Tenfold,
        Self::Tenth,
        Self::Stealth,
        Self::AsksTenfold,
        Self::OwnNames,
        Self::ClonesOwned,
        Self::ClonesHidden,
        Self::ClonesFounding,
        Self::Leave,
        Self::OneWild,
        Self::WeekTenfold,
        Self::SpreadWalk,
        Self::Wash,
        Self::FullDay,
        Self::FullWeek,
        Self::RouteStale,
        Self::RouteShifted,
        Self::DayUp,
        Self::DayDown,
        Self::AdaptiveUp,
        Self::AdaptiveDown,
    ];

    /// What it is called in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenfold => "quotes x10",
            Self::Tenth => "quotes x0.1",
            Self::Stealth => "stealth +42 %",
            Self::AsksTenfold => "asks alone x10",
            Self::OwnNames => "x10 after 15 days",
            Self::ClonesOwned => "the same, 10 names, owned",
            Self::ClonesHidden => "the same, 10 names, hidden",
            Self::ClonesFounding => "x10, 10 names from founding",
            Self::Leave => "leaving",
            Self::OneWild => "one 1e6 in a consensus",
            Self::WeekTenfold => "x10 for 7 days",
            Self::SpreadWalk => "13 days -30 %, then x10",
            Self::Wash => "leases washed x4, then x10",
            Self::FullDay => "all leased, 24 h",
            Self::FullWeek => "all leased, 7 days",
            Self::RouteStale => "route stale, market +10 %",
            Self::RouteShifted => "route +18 %",
            Self::DayUp => "adaptive, 24 h, up",
            Self::DayDown => "adaptive, 24 h, down",
            Self::AdaptiveUp => "adaptive, 14 days, up",
            Self::AdaptiveDown => "adaptive, 14 days, down",
        }
    }

    /// What it does when the short attacks last `ticks`; the policy is for the adaptive ones.
    pub(super) fn scheme(self, ticks: usize, policy: Policy) -> Scheme {
        let day = CALM + DAY;
        let begins = day.saturating_sub(ticks).max(1);
        let says = |act: Act| Scheme {
            look: Look::default(),
            splits_at: 0,
            phases: vec![Phase { from: begins, until: day, act }],
            end: day,
        };
        let looks = |look: Look, act: Act| Scheme { look, ..says(act) };
        let names = Look { names: CLONES, ..Look::default() };
        // New names are on probation for a week; a day later all of them vote with their full weight.
        let later = |look: Look| Scheme {
            look,
            splits_at: CALM,
            phases: vec![Phase {
                from: begins + 8 * DAY,
                until: day + 8 * DAY,
                act: Act::price(TENFOLD),
            }],
            end: day + 8 * DAY,
        };
        let week = |act: Act| Scheme {
            phases: vec![Phase { from: CALM, until: CALM + 7 * DAY, act }],
            end: CALM + 7 * DAY,
            ..says(act)
        };
        match self {
            Self::Tenfold => says(Act::price(TENFOLD)),
            Self::Tenth => says(Act::price(NanoLog::new(-TENFOLD.nanos()))),
            Self::Stealth => says(Act::price(STEALTH)),
            Self::AsksTenfold => says(Act { ask: TENFOLD, ..Act::HONEST }),
            Self::OwnNames => later(Look::default()),
            Self::ClonesOwned => later(Look { has_known_owner: true, ..names }),
            Self::ClonesHidden => later(names),
            Self::ClonesFounding => looks(names, Act::price(TENFOLD)),
            Self::Leave => says(Act { is_absent: true, ..Act::HONEST }),
            Self::OneWild => says(Act::price(MILLIONFOLD)),
            Self::WeekTenfold => week(Act::price(TENFOLD)),
            Self::SpreadWalk => walk(Act::price(THIRD_OFF), Act::price(TENFOLD)),
            Self::Wash => looks(Look { volume: WASHED, ..Look::default() }, Act::price(TENFOLD)),
            Self::FullDay => says(Act { leased: Some(1_000_000), ..Act::HONEST }),
            Self::FullWeek => week(Act { leased: Some(1_000_000), ..Act::HONEST }),
            Self::RouteStale => looks(
                Look { has_route: true, ..Look::default() },
                Act { is_stale: true, ..Act::HONEST },
            ),
            Self::RouteShifted => {
                looks(Look { has_route: true, ..Look::default() }, Act::price(MISREAD))
            }
            Self::DayUp | Self::DayDown | Self::AdaptiveUp | Self::AdaptiveDown => policy.scheme(),
        }
    }

    /// Whether the policy of the adaptive attacks decides what it does, and which way it wants the settlement.
    pub(super) const fn aim(self) -> Option<Aim> {
        match self {
            Self::DayUp => Some(Aim { is_up: true, walk_days_max: 0 }),
            Self::DayDown => Some(Aim { is_up: false, walk_days_max: 0 }),
            Self::AdaptiveUp => Some(Aim { is_up: true, walk_days_max: WALK_DAYS_MAX }),
            Self::AdaptiveDown => Some(Aim { is_up: false, walk_days_max: WALK_DAYS_MAX }),
            Self::Tenfold
            | Self::Tenth
            | Self::Stealth
            | Self::AsksTenfold
            | Self::OwnNames
            | Self::ClonesOwned
            | Self::ClonesHidden
            | Self::ClonesFounding
            | Self::Leave
            | Self::OneWild
            | Self::WeekTenfold
            | Self::SpreadWalk
            | Self::Wash
            | Self::FullDay
            | Self::FullWeek
            | Self::RouteStale
            | Self::RouteShifted => None,
        }
    }
}

/// What an adaptive attacker wants, and how long it may prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aim {
    /// A higher settlement; a lower one otherwise.
    pub(super) is_up: bool,
    pub(super) walk_days_max: u32,
}

/// The longest preparation.
const WALK_DAYS_MAX: u32 = 13;

/// Thirteen days of one thing, a day of another.
fn walk(first: Act, then: Act) -> Scheme {
    let turn = CALM + 13 * DAY;
    Scheme {
        look: Look::default(),
        splits_at: 0,
        phases: vec![
            Phase { from: CALM, until: turn, act: first },
            Phase { from: turn, until: turn + DAY, act: then },
        ],
        end: turn + DAY,
    }
}

/// A coalition's whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scheme {
    /// How the coalition looks.
    pub(super) look: Look,
    /// From when on.
    pub(super) splits_at: usize,
    pub(super) phases: Vec<Phase>,
    /// The tick before which the last day ends.
    pub(super) end: usize,
}

/// How a coalition looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Under how many names each of them quotes.
    pub(super) names: u32,
    /// Whether the names of one provider are known to be one owner's.
    pub(super) has_known_owner: bool,
    /// Whether all of them come by one route.
    pub(super) has_route: bool,
    /// How many times their true volume they report.
    pub(super) volume: u32,
}

impl Default for Look {
    fn default() -> Self {
        Self { names: 1, has_known_owner: false, has_route: false, volume: 1 }
    }
}

/// From one tick to before another they do one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) from: usize,
    pub(super) until: usize,
    pub(super) act: Act,
}

/// What a provider does in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act {
    /// How far its ask is from the honest one.
    pub(super) ask: NanoLog,
    /// How far the price that it says was paid is from the honest one.
    pub(super) paid: NanoLog,
    pub(super) is_absent: bool,
    /// It repeats what it said before the phase began.
    pub(super) is_stale: bool,
    /// How much of its fleet it says is leased, in millionths; the truth when `None`.
    pub(super) leased: Option<u32>,
}

impl Act {
    /// Nothing but the truth.
    pub(super) const HONEST: Self = Self {
        ask: NanoLog::ZERO,
        paid: NanoLog::ZERO,
        is_absent: false,
        is_stale: false,
        leased: None,
    };

    /// Ask and receipts alike: a provider may lease from itself at any price.
    pub(super) const fn price(shift: NanoLog) -> Self {
        Self { ask: shift, paid: shift, ..Self::HONEST }
    }
}

impl Scheme {
    /// Whether an index that has seen only honest quotes until the first phase is the one that it meets.
    pub(super) fn begins_unseen(&self) -> bool {
        (self.look == Look::default() || CALM <= self.splits_at)
            && self.phases.iter().all(|phase| CALM <= phase.from)
    }

    /// What everybody says in a tick, of which `honest` is what they would say otherwise.
    pub(super) fn observations(
        &self,
        market: &Market,
        tick: usize,
        honest: &[Observation],
    ) -> Vec<Observation> {
        let phase = self.phases.iter().find(|phase| phase.from <= tick && tick < phase.until);
        let look = if self.splits_at <= tick { self.look } else { Look::default() };
        if phase.is_none() && look == Look::default() {
            return honest.to_vec();
        }
        let act = phase.map_or(Act::HONEST, |phase| phase.act);
        let seen_at = match phase {
            Some(phase) if act.is_stale => phase.from - 1,
            Some(_) | None => tick,
        };
        let mut all = Vec::with_capacity(PROVIDERS);
        for (provider, honest) in honest.iter().enumerate() {
            if !market.colludes(provider) {
                all.push(honest.clone());
            } else if !act.is_absent {
                say(market, (seen_at, tick), (provider, look, act), &mut all);
            }
        }
        all
    }
}

/// What one provider says, under all its names.
fn say(
    market: &Market,
    (seen_at, tick): (usize, usize),
    (provider, look, act): (usize, Look, Act),
    all: &mut Vec<Observation>,
) {
    let price = market.price(seen_at, provider);
    let own = name(provider);
    let units = market.units(provider).saturating_mul(look.volume) / look.names;
    for clone in 0..look.names {
        let name = if clone == 0 { own.clone() } else { format!("{own} {clone}") };
        let said = Said {
            name: &name,
            owner: look.has_known_owner.then_some(own.as_str()),
            route: look.has_route.then_some("aggregator"),
            ask: price.plus(act.ask),
            paid: price.plus(act.paid),
            units: units.max(1),
            leased: act.leased.unwrap_or(LEASED),
            evidence: market.evidence(),
        };
        all.extend(said.observation(tick));
    }
}

/// What an attacker who knows the rules may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Days of preparation before the last day.
    pub walk_days: u32,
    /// How far its prices are from the honest ones in that time, in thousandths of a logarithm.
    pub walk: i32,
    /// How long of the last day it attacks, in half-hours.
    pub ticks: u32,
    /// How far its prices are from the honest ones then, in thousandths of a logarithm.
    pub offset: i32,
    /// How much of its fleet it says is leased, in millionths, all the time.
    pub leased: u32,
}

impl Policy {
    pub(super) fn scheme(self) -> Scheme {
        let leased = Some(self.leased);
        let act = |thousandths: i32| Act {
            leased,
            ..Act::price(NanoLog::new(i64::from(thousandths) * 1_000_000))
        };
        let days = |days: u32| usize::try_from(days).unwrap_or(0) * DAY;
        let last = CALM + days(self.walk_days);
        let end = last + DAY;
        let begins = end - usize::try_from(self.ticks).unwrap_or(DAY).min(DAY);
        // It keeps walking until it strikes.
        let before = if self.walk_days == 0 { 0 } else { self.walk };
        let walk = Phase { from: CALM, until: begins, act: act(before) };
        let strike = Phase { from: begins, until: end, act: act(self.offset) };
        let phases = [walk, strike].into_iter().filter(|phase| phase.from < phase.until);
        Scheme { look: Look::default(), splits_at: 0, phases: phases.collect(), end }
    }
}
