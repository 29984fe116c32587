//! From the price of what is offered to the price of the reference configuration: one GPU for one hour, on demand, not preemptible, verified, in a
//! datacentre, of a node of eight that are linked.
//!
//! A price is moved by the sum of fixed log factors, one for each way in which the offer differs from the reference. The factors are frozen for an
//! epoch and published. An offer so different that the sum is more than a factor of 1.75 is another product: it is refused, not moved.
//!
//! Absent: regions. They are screened, not adjusted.

mod estimate;

use instruments::MicroUsd;
use instruments::rounding::div_half_even;

pub use self::estimate::{Estimate, EstimateError, FACTOR_STEP_MAX, OFFER_ROWS_MAX, OfferRow};
use crate::log::NanoLog;

/// ln 1.75: what is moved further is another product.
pub const ADJUSTMENT_MAX: NanoLog = NanoLog::new(559_615_788);
/// GPUs in the reference node.
const NODE_GPUS: u32 = 8;
/// The largest offer that is looked at: a whole row of racks.
pub const OFFER_GPUS_MAX: u32 = 4_096;
/// ln 2.
const LN_2: i128 = 693_147_181;

/// One way in which an offer differs from the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Nobody has verified the machine.
    Unverified,
    /// It does not stand in a datacentre.
    OutsideDatacentre,
    /// It belongs to a community host of a venue that has its own machines too.
    Community,
    /// It may be taken away.
    Preemptible,
    /// It is bound for months.
    Reserved,
    /// Its GPUs are linked by Ethernet alone.
    Ethernet,
    /// Each halving of the size below a node of eight.
    HalfSize,
}

impl Difference {
    /// Every one, in order.
    pub const ALL: [Self; 7] = [
        Self::Unverified,
        Self::OutsideDatacentre,
        Self::Community,
        Self::Preemptible,
        Self::Reserved,
        Self::Ethernet,
        Self::HalfSize,
    ];

    /// Its name in the data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::OutsideDatacentre => "outside_datacentre",
            Self::Community => "community",
            Self::Preemptible => "preemptible",
            Self::Reserved => "reserved",
            Self::Ethernet => "ethernet",
            Self::HalfSize => "half_size",
        }
    }
}

/// On which terms something is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Market {
    /// By the hour, kept as long as it is paid.
    OnDemand,
    /// By the hour, and may be taken away.
    Spot,
    /// For months.
    Reserved,
}

/// How an offer is configured. What a source does not say is `None`, and is not adjusted: it stays in the provider's own spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Configuration {
    /// On which terms.
    pub market: Market,
    /// GPUs that are rented together.
    pub gpus: u32,
    /// Whether somebody has verified the machine.
    pub is_verified: Option<bool>,
    /// Whether it stands in a datacentre.
    pub is_datacentre: Option<bool>,
    /// Whether it is a community host's.
    pub is_community: Option<bool>,
    /// Whether its GPUs are linked by more than Ethernet.
    pub is_linked: Option<bool>,
}

impl Configuration {
    /// What is priced.
    pub const REFERENCE: Self = Self {
        market: Market::OnDemand,
        gpus: NODE_GPUS,
        is_verified: None,
        is_datacentre: None,
        is_community: None,
        is_linked: None,
    };

    fn has(&self, difference: Difference) -> bool {
        match difference {
            Difference::Unverified => self.is_verified == Some(false),
            Difference::OutsideDatacentre => self.is_datacentre == Some(false),
            Difference::Community => self.is_community == Some(true),
            Difference::Preemptible => self.market == Market::Spot,
            Difference::Reserved => self.market == Market::Reserved,
            Difference::Ethernet => self.is_linked == Some(false),
            Difference::HalfSize => self.gpus < NODE_GPUS,
        }
    }
}

/// What one difference is worth: how far above the offer's log price the reference stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Which difference.
    pub difference: Difference,
    /// What it adds to the log price.
    pub adds: NanoLog,
    /// Where the number is from.
    pub source: String,
}

/// Why something is no set of factors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactorsError {
    /// Not exactly one factor for each difference.
    #[error("{count} factors for {}, expected one", difference.name())]
    Count {
        /// Which.
        difference: Difference,
        /// How many.
        count: usize,
    },
    /// A factor that alone is another product.
    #[error("factor {} of {} billionths is beyond {}", difference.name(), adds.nanos(), ADJUSTMENT_MAX.nanos())]
    TooFar {
        /// Which.
        difference: Difference,
        /// How much.
        adds: NanoLog,
    },
}

/// Why an offer is not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotComparable {
    /// It differs by more than a factor of 1.75.
    #[error("differs by {} billionths of log price, limit {}", adjustment.nanos(), ADJUSTMENT_MAX.nanos())]
    TooFar {
        /// By how much.
        adjustment: NanoLog,
    },
    /// No GPUs, or more than there are.
    #[error("an offer of {gpus} GPUs, expected 1 to {OFFER_GPUS_MAX}")]
    Size {
        /// How many.
        gpus: u32,
    },
    /// There is no price to move.
    #[error("a price of {} micro-dollars has no logarithm", price.micros())]
    Price {
        /// The price.
        price: MicroUsd,
    },
}

/// The factors of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    epoch: u32,
    factors: Vec<Factor>,
}

/// A price of the reference configuration, and how far it was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalised {
    /// What the reference would cost.
    pub price: MicroUsd,
    /// Added to the offer's log price.
    pub adjustment: NanoLog,
}

impl Factors {
    /// The factors of an epoch.
    ///
    /// # Errors
    /// [`FactorsError`] unless there is exactly one for each difference, none beyond [`ADJUSTMENT_MAX`].
    pub fn new(epoch: u32, factors: Vec<Factor>) -> Result<Self, FactorsError> {
        for difference in Difference::ALL {
            let count = factors.iter().filter(|factor| factor.difference == difference).count();
            if count != 1 {
                return Err(FactorsError::Count { difference, count });
            }
        }
        if let Some(factor) = factors.iter().find(|it| ADJUSTMENT_MAX < it.adds.abs()) {
            return Err(FactorsError::TooFar { difference: factor.difference, adds: factor.adds });
        }
        Ok(Self { epoch, factors })
    }

    /// The epoch they are frozen for.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Every factor.
    #[must_use]
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// What an offer at `price` says about the reference, to the nearest micro-dollar.
    ///
    /// # Errors
    /// [`NotComparable`] when it is another product.
    pub fn normalise(
        &self,
        price: MicroUsd,
        offer: &Configuration,
    ) -> Result<Normalised, NotComparable> {
        if offer.gpus == 0 || OFFER_GPUS_MAX < offer.gpus {
            return Err(NotComparable::Size { gpus: offer.gpus });
        }
        let of_offer = self.factors.iter().filter(|factor| offer.has(factor.difference));
        let adjustment = of_offer.fold(NanoLog::ZERO, |sum, factor| {
            sum.plus(match factor.difference {
                Difference::HalfSize => halvings(factor.adds, offer.gpus),
                Difference::Unverified
                | Difference::OutsideDatacentre
                | Difference::Community
                | Difference::Preemptible
                | Difference::Reserved
                | Difference::Ethernet => factor.adds,
            })
        });
        if ADJUSTMENT_MAX < adjustment.abs() {
            return Err(NotComparable::TooFar { adjustment });
        }
        if adjustment == NanoLog::ZERO {
            return Ok(Normalised { price, adjustment });
        }
        let moved = NanoLog::of(price).and_then(|log| log.plus(adjustment).price());
        let price = moved.ok_or(NotComparable::Price { price })?;
        Ok(Normalised { price, adjustment })
    }
}

/// `adds` for every halving from a node of eight to `gpus`; six are between one and two. Half to even.
fn halvings(adds: NanoLog, gpus: u32) -> NanoLog {
    let distance = i128::from(log_of_count(NODE_GPUS).minus(log_of_count(gpus)).nanos());
    let moved = div_half_even(distance.saturating_mul(i128::from(adds.nanos())), LN_2);
    NanoLog::new(i64::try_from(moved).unwrap_or(i64::MAX))
}

/// The logarithm of a number from one.
fn log_of_count(count: u32) -> NanoLog {
    NanoLog::of(MicroUsd::new(i64::from(count))).unwrap_or_default()
}
