//! What a provider states about itself: its ask, its units, what was leased, for one grade in one region and one epoch.
//!
//! A [`Statement`] is data as it was sent: nothing about it is believed before [`Statement::check`]. Who signed it is checked elsewhere.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan};
use thiserror::Error;

/// The only version of the fields below.
pub const STATEMENT_SCHEMA: u16 = 1;
/// Ten thousand dollars for an hour of one GPU: anything above is a broken feed, not a price.
pub const STATEMENT_PRICE_MAX: u64 = 10_000_000_000;

const SECONDS_PER_HOUR: u128 = 3_600;

/// The last 20 bytes of the Keccak hash of a public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Reads 40 hexadecimal digits, `0x` before them allowed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.len() != 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 20];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let from = at.saturating_mul(2);
            let pair = digits.get(from..from.saturating_add(2))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// What one provider says. The fields are those of the signed message, in its order and its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Statement {
    /// [`STATEMENT_SCHEMA`].
    pub schema: u16,
    /// Who says so.
    pub provider: Address,
    /// The Keccak hash of the name of the beneficial owner.
    pub cluster_id: [u8; 32],
    /// The number of the grade in the registry.
    pub class: u32,
    /// The number of the region in the provider's own list.
    pub region: u16,
    /// GPUs it has.
    pub total_units: u32,
    /// GPUs of them that are leased.
    pub leased_units: u32,
    /// What it asks for a GPU-hour, in micro-dollars.
    pub ask_micros: u64,
    /// What was paid for a GPU-hour in the newest leases, in micro-dollars; zero without one.
    pub lease_price_micros: u64,
    /// GPU-seconds of those leases; zero without one.
    pub lease_gpu_seconds: u64,
    /// GPU-seconds leased in the whole window.
    pub window_gpu_seconds: u64,
    /// What was paid for them, in micro-dollars.
    pub window_notional_micros: u128,
    /// The root over the delivery receipts behind the leases; zero without one.
    pub receipts_root: [u8; 32],
    /// When it was so.
    pub observed_at: Nanos,
    /// The epoch in which it counts.
    pub epoch: u64,
    /// Rises with every statement of one series.
    pub nonce: u64,
}

/// What two different statements may not share: the series, and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StatementKey {
    /// Which series.
    pub series: StatementSeries,
    /// In which epoch.
    pub epoch: u64,
    /// Its place.
    pub nonce: u64,
}

/// The statements of one provider about one grade in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StatementSeries {
    /// Whose.
    pub provider: Address,
    /// About which grade.
    pub class: u32,
    /// In which region.
    pub region: u16,
}

/// When a statement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StatementTerms {
    /// Older than this, it is stale.
    pub age_max: NanosSpan,
    /// How long an epoch is; the first began at the beginning of 1970.
    pub epoch: NanosSpan,
}

/// Why a statement is not taken. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, BorshSerialize, BorshDeserialize)]
pub enum StatementError {
    /// Its fields are those of another version.
    #[error("schema {schema} is not {STATEMENT_SCHEMA}")]
    Schema {
        /// What was sent.
        schema: u16,
    },
    /// No units, or more of them leased than there are.
    #[error(
        "leasedUnits {leased} of totalUnits {total}: there is at least one, and no more are leased than there are"
    )]
    Units {
        /// GPUs leased.
        leased: u32,
        /// GPUs there are.
        total: u32,
    },
    /// No price, or an absurd one.
    #[error("{field} {micros} is not between 1 and {STATEMENT_PRICE_MAX} micro-dollars")]
    Price {
        /// Of which field.
        field: PriceField,
        /// What was sent.
        micros: u64,
    },
    /// The lease is longer than the whole window, has no length, or the window's money is absurd for its length.
    #[error("{field} does not fit the lease and its window")]
    Lease {
        /// Of which field.
        field: LeaseField,
    },
    /// From after the moment at which it is judged.
    #[error("observedAt {} is after {}", observed_at.nanos(), now.nanos())]
    Future {
        /// What it says.
        observed_at: Nanos,
        /// The moment.
        now: Nanos,
    },
    /// From too long before it.
    #[error("observedAt {} is more than {} ns before {}", observed_at.nanos(), age_max.nanos(), now.nanos())]
    Stale {
        /// What it says.
        observed_at: Nanos,
        /// The moment.
        now: Nanos,
        /// How old it may be.
        age_max: NanosSpan,
    },
    /// It counts in another epoch than the one in which it was observed or the next.
    #[error("epoch {epoch} is neither {observed_in}, in which it was observed, nor the next")]
    Epoch {
        /// What it says.
        epoch: u64,
        /// The epoch of `observedAt`.
        observed_in: u64,
    },
}

/// A field that holds a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PriceField {
    /// `askMicros`
    Ask,
    /// `leasePriceMicros`
    Lease,
}

/// A field of the leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LeaseField {
    /// `leaseGpuSeconds`
    GpuSeconds,
    /// `windowNotionalMicros`
    WindowNotional,
}

impl fmt::Display for PriceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask => "askMicros",
            Self::Lease => "leasePriceMicros",
        })
    }
}

impl fmt::Display for LeaseField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GpuSeconds => "leaseGpuSeconds",
            Self::WindowNotional => "windowNotionalMicros",
        })
    }
}

impl StatementTerms {
    /// The epoch in which a moment lies.
    #[must_use]
    pub fn epoch_of(&self, at: Nanos) -> u64 {
        // Rounds down. An epoch of no length is one epoch for all time.
        at.nanos().checked_div(self.epoch.nanos()).unwrap_or(0)
    }
}

impl Statement {
    /// What no other statement may share with this one.
    #[must_use]
    pub const fn key(&self) -> StatementKey {
        let Self { provider, class, region, epoch, nonce, .. } = *self;
        StatementKey { series: StatementSeries { provider, class, region }, epoch, nonce }
    }

    /// Whether the fields make sense, and count at `now`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, terms: &StatementTerms, now: Nanos) -> Result<(), StatementError> {
        if self.schema != STATEMENT_SCHEMA {
            return Err(StatementError::Schema { schema: self.schema });
        }
        if self.total_units == 0 || self.total_units < self.leased_units {
            let (leased, total) = (self.leased_units, self.total_units);
            return Err(StatementError::Units { leased, total });
        }
        self.check_prices()?;
        let observed_at = self.observed_at;
        if now < observed_at {
            return Err(StatementError::Future { observed_at, now });
        }
        let age_max = terms.age_max;
        if age_max < now.since(observed_at) {
            return Err(StatementError::Stale { observed_at, now, age_max });
        }
        let observed_in = terms.epoch_of(observed_at);
        if self.epoch != observed_in && self.epoch != observed_in.saturating_add(1) {
            return Err(StatementError::Epoch { epoch: self.epoch, observed_in });
        }
        Ok(())
    }

    fn check_prices(&self) -> Result<(), StatementError> {
        let is_price = |micros: u64| (1..=STATEMENT_PRICE_MAX).contains(&micros);
        if !is_price(self.ask_micros) {
            return Err(StatementError::Price { field: PriceField::Ask, micros: self.ask_micros });
        }
        let micros = self.lease_price_micros;
        let has_lease = micros != 0 || self.lease_gpu_seconds != 0;
        if has_lease && !is_price(micros) {
            return Err(StatementError::Price { field: PriceField::Lease, micros });
        }
        let is_long_enough = !has_lease || self.lease_gpu_seconds != 0;
        if !is_long_enough || self.window_gpu_seconds < self.lease_gpu_seconds {
            return Err(StatementError::Lease { field: LeaseField::GpuSeconds });
        }
        // Both factors are below 2^64. What the window may have cost at most, times the seconds of an hour, which needs no division.
        let limit = u128::from(STATEMENT_PRICE_MAX).saturating_mul(self.window_gpu_seconds.into());
        if limit < self.window_notional_micros.saturating_mul(SECONDS_PER_HOUR) {
            return Err(StatementError::Lease { field: LeaseField::WindowNotional });
        }
        Ok(())
    }
}

impl StatementSeries {
    /// The least there is.
    pub(crate) const FIRST: Self = Self { provider: Address([0; 20]), class: 0, region: 0 };

    /// The least and the greatest series of one provider.
    #[must_use]
    pub const fn bounds(provider: Address) -> (Self, Self) {
        (
            Self { provider, class: 0, region: 0 },
            Self { provider, class: u32::MAX, region: u16::MAX },
        )
    }
}
