//! Units are types: ticks, lots, micro-dollars, nanoseconds.
//!
//! An operator exists only where its result is a unit: there is no `Price + Price` and no `Price * Qty`, because what a price times a
//! quantity is worth depends on the instrument. The operators assert, so that no call site has to.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::rounding::{div_ceil, div_floor};

/// A limit or trade price, in ticks of its instrument. Not a number of dollars.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Price(i64);

impl Price {
    /// `ticks` steps of the instrument's tick size.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// How many ticks.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

/// An order or trade size, in lots of its instrument. Never negative.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Qty(u64);

impl Qty {
    /// No lots.
    pub const ZERO: Self = Self(0);

    /// `lots` lots.
    #[must_use]
    pub const fn from_lots(lots: u64) -> Self {
        Self(lots)
    }

    /// How many lots.
    #[must_use]
    pub const fn lots(self) -> u64 {
        self.0
    }

    /// Whether there is nothing left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The part of `self` above `other`, or nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Qty {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        let Some(sum) = self.0.checked_add(rhs.0) else { panic_overflow("quantity") };
        Self(sum)
    }
}

impl Sub for Qty {
    type Output = Self;

    fn sub(self, rhs: Self) -> Self {
        assert!(rhs.0 <= self.0, "quantity would go below zero");
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl AddAssign for Qty {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl SubAssign for Qty {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl Sum for Qty {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// A position's size: lots held long (positive) or short (negative).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct NetQty(i64);

impl NetQty {
    /// Flat.
    pub const ZERO: Self = Self(0);

    /// `lots` lots, negative when short.
    #[must_use]
    pub const fn from_lots(lots: i64) -> Self {
        Self(lots)
    }

    /// How many lots, negative when short.
    #[must_use]
    pub const fn lots(self) -> i64 {
        self.0
    }

    /// The lots held long, or none.
    #[must_use]
    pub fn long(self) -> Qty {
        Qty(u64::try_from(self.0).unwrap_or(0))
    }

    /// The lots held short, or none.
    #[must_use]
    pub fn short(self) -> Qty {
        if self.0 < 0 { Qty(self.0.unsigned_abs()) } else { Qty::ZERO }
    }

    /// As many lots the other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// What is held after trading `qty` on `side`; `None` beyond the range of a position.
    #[must_use]
    pub fn after(self, side: Side, qty: Qty) -> Option<Self> {
        let lots = i64::try_from(qty.0).ok()?;
        match side {
            Side::Buy => self.0.checked_add(lots),
            Side::Sell => self.0.checked_sub(lots),
        }
        .map(Self)
    }
}

/// Which way an order or a trade goes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Side {
    /// Acquires compute.
    Buy,
    /// Provides compute.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// Money in millionths of a US dollar.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct MicroUsd(i64);

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `micros` millionths of a dollar.
    #[must_use]
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// How many millionths of a dollar.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// An intermediate result, back in range or not at all.
    #[must_use]
    pub fn from_i128(micros: i128) -> Option<Self> {
        i64::try_from(micros).ok().map(Self)
    }

    /// The sum, or `None` beyond the range of the ledger.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The share `part / whole`, rounded down.
    ///
    /// # Panics
    /// When `whole` is not positive, or the share is larger than the ledger's range.
    #[must_use]
    pub fn share_floor(self, part: i128, whole: i128) -> Self {
        let micros = div_floor(i128::from(self.0).saturating_mul(part), whole);
        let Some(share) = Self::from_i128(micros) else { panic_overflow("share of money") };
        share
    }
}

impl Add for MicroUsd {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        let Some(sum) = self.0.checked_add(rhs.0) else { panic_overflow("money") };
        Self(sum)
    }
}

impl Sub for MicroUsd {
    type Output = Self;

    fn sub(self, rhs: Self) -> Self {
        let Some(rest) = self.0.checked_sub(rhs.0) else { panic_overflow("money") };
        Self(rest)
    }
}

impl Neg for MicroUsd {
    type Output = Self;

    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl AddAssign for MicroUsd {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl SubAssign for MicroUsd {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// A rate in millionths: 1 % is 10,000.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Ppm(i64);

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000_000);

    /// `ppm` millionths.
    #[must_use]
    pub const fn new(ppm: i64) -> Self {
        Self(ppm)
    }

    /// How many millionths.
    #[must_use]
    pub const fn ppm(self) -> i64 {
        self.0
    }

    /// This rate of `money`, rounded up: what is charged.
    ///
    /// # Panics
    /// When the result is beyond the ledger's range.
    #[must_use]
    pub fn of_ceil(self, money: MicroUsd) -> MicroUsd {
        let product = i128::from(self.0).saturating_mul(i128::from(money.0));
        let Some(charged) = MicroUsd::from_i128(div_ceil(product, 1_000_000)) else {
            panic_overflow("rate of money")
        };
        charged
    }

    /// This rate of `money`, rounded down: what is paid out.
    ///
    /// # Panics
    /// When the result is beyond the ledger's range.
    #[must_use]
    pub fn of_floor(self, money: MicroUsd) -> MicroUsd {
        money.share_floor(i128::from(self.0), 1_000_000)
    }
}

/// Compute that was delivered, in GPU-seconds. Rounded down wherever it is measured.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct GpuSeconds(u64);

impl GpuSeconds {
    /// None.
    pub const ZERO: Self = Self(0);

    /// `seconds` seconds of one GPU.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// How many seconds of one GPU.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl Add for GpuSeconds {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        let Some(sum) = self.0.checked_add(rhs.0) else { panic_overflow("GPU-seconds") };
        Self(sum)
    }
}

impl AddAssign for GpuSeconds {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

/// An instant: nanoseconds since the Unix epoch, UTC.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Nanos(u64);

impl Nanos {
    /// `nanos` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn new(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `seconds` seconds after the Unix epoch.
    ///
    /// # Panics
    /// After the year 2554, where nanoseconds no longer fit.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant of ours, checked where it is written")]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.checked_mul(1_000_000_000).expect("instant out of range"))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch, as the wire prints them.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier` this is; nothing when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> NanosSpan {
        NanosSpan(self.0.saturating_sub(earlier.0))
    }
}

impl Add<NanosSpan> for Nanos {
    type Output = Self;

    fn add(self, rhs: NanosSpan) -> Self {
        let Some(sum) = self.0.checked_add(rhs.0) else { panic_overflow("instant") };
        Self(sum)
    }
}

impl Sub<NanosSpan> for Nanos {
    type Output = Self;

    fn sub(self, rhs: NanosSpan) -> Self {
        let Some(rest) = self.0.checked_sub(rhs.0) else { panic_overflow("instant") };
        Self(rest)
    }
}

/// A duration in nanoseconds. Not an instant.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct NanosSpan(u64);

impl NanosSpan {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// `nanos` nanoseconds.
    #[must_use]
    pub const fn new(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `millis` milliseconds.
    ///
    /// # Panics
    /// Beyond 584 years.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant of ours, checked where it is written")]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.checked_mul(1_000_000).expect("duration out of range"))
    }

    /// `seconds` seconds.
    ///
    /// # Panics
    /// Beyond 584 years.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant of ours, checked where it is written")]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.checked_mul(1_000_000_000).expect("duration out of range"))
    }

    /// How many nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }
}

#[expect(
    clippy::panic,
    reason = "only our own arithmetic can leave the range: a bug, not a refusal"
)]
#[cold]
fn panic_overflow(what: &str) -> ! {
    panic!("{what} out of range")
}
