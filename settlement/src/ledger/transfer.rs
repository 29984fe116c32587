//! A movement of money on record: what it was, what it was for, and what it stands or falls with.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::MicroUsd;
use thiserror::Error;

use super::bucket::Bucket;

/// A transfer's place among all transfers of the venue. Gapless, from 1.
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
pub struct TransferId(pub u64);

impl TransferId {
    /// The one after this. 2^64 of them take 500,000 years at a million a second.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "M-{}", self.0)
    }
}

/// Money that moved. Never changed afterwards: what was wrong is put right by another transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transfer {
    /// Its place among all transfers.
    pub id: TransferId,
    /// The first transfer of its chain: all of a chain were made or none. A transfer by itself is its own chain.
    pub chain: TransferId,
    /// What it was for.
    pub reason: Reason,
    /// Where it was.
    pub from: Bucket,
    /// Where it is now.
    pub to: Bucket,
    /// How much; above zero.
    pub amount: MicroUsd,
}

/// A bucket holds less than was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{bucket:?} is {} micro-dollars short", shortfall.micros())]
pub struct Insufficient {
    /// The bucket.
    pub bucket: Bucket,
    /// How much is missing.
    pub shortfall: MicroUsd,
}

/// What a transfer was for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Reason {
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdrawal,
    /// The exchange put its own money up.
    HouseFunding,
    /// Held for open orders, or released from that.
    OrderHold,
    /// Held for positions, or released from that.
    PositionMargin,
    /// Held for quotes, or released from that.
    QuoteHold,
    /// An option's price, from its buyer to its seller.
    Premium,
    /// A trade, an exercise or a delivery was charged for.
    Fee,
    /// What a mark has moved.
    Variation,
    /// What an option was worth at its end.
    Exercise,
    /// A buyer's money set aside for an obligation, or given back.
    DeliveryEscrow,
    /// Compute was delivered and paid for.
    DeliveryPay,
    /// A seller's money set aside for an obligation, or given back.
    Bond,
    /// Compute, or the money for it, was missing.
    Damages,
    /// An account's part of the default fund, or given back.
    FundContribution,
    /// A liquidation was charged for.
    LiquidationFee,
    /// Somebody's loss, borne by who stands behind it.
    Default,
    /// A winner's cut of a loss that nobody else could bear.
    Haircut,
    /// A provider held hardware ready, and was paid for that.
    Standby,
    /// What a division left over.
    Rounding,
    /// Nobody said. A gap in a verb, which the tests refuse.
    Unstated,
}

impl Reason {
    /// Every reason, in their order.
    pub const ALL: [Self; 21] = [
        Self::Deposit,
        Self::Withdrawal,
        Self::HouseFunding,
        Self::OrderHold,
        Self::PositionMargin,
        Self::QuoteHold,
        Self::Premium,
        Self::Fee,
        Self::Variation,
        Self::Exercise,
        Self::DeliveryEscrow,
        Self::DeliveryPay,
        Self::Bond,
        Self::Damages,
        Self::FundContribution,
        Self::LiquidationFee,
        Self::Default,
        Self::Haircut,
        Self::Standby,
        Self::Rounding,
        Self::Unstated,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::HouseFunding => "house_funding",
            Self::OrderHold => "order_hold",
            Self::PositionMargin => "position_margin",
            Self::QuoteHold => "quote_hold",
            Self::Premium => "premium",
            Self::Fee => "fee",
            Self::Variation => "variation",
            Self::Exercise => "exercise",
            Self::DeliveryEscrow => "delivery_escrow",
            Self::DeliveryPay => "delivery_pay",
            Self::Bond => "bond",
            Self::Damages => "damages",
            Self::FundContribution => "fund_contribution",
            Self::LiquidationFee => "liquidation_fee",
            Self::Default => "default",
            Self::Haircut => "haircut",
            Self::Standby => "standby",
            Self::Rounding => "rounding",
            Self::Unstated => "unstated",
        }
    }

    /// What a transfer is for when its verb has not said: what its two ends alone tell.
    pub(super) fn between(from: Bucket, to: Bucket) -> Self {
        match (from, to) {
            (Bucket::Custody, to) if to.account().is_none() => Self::HouseFunding,
            (Bucket::Custody, _) => Self::Deposit,
            (_, Bucket::Custody) => Self::Withdrawal,
            (_, Bucket::Fees) => Self::Fee,
            (Bucket::Suspense, _) | (_, Bucket::Suspense) => Self::Variation,
            (Bucket::Rounding, _) | (_, Bucket::Rounding) => Self::Rounding,
            (Bucket::FirstLoss | Bucket::Insurance | Bucket::DefaultFund, _) => Self::Default,
            _ if from.account().is_some() && from.account() == to.account() => {
                // Of two holds, the one that money goes to says more.
                Self::of_hold(to).or(Self::of_hold(from)).unwrap_or(Self::Unstated)
            }
            (Bucket::DeliveryEscrow(_), _) => Self::DeliveryPay,
            (Bucket::Bond(_), _) => Self::Damages,
            _ => Self::Unstated,
        }
    }

    /// Why an account's money is in one of its buckets; `None` where nothing holds it.
    const fn of_hold(bucket: Bucket) -> Option<Self> {
        match bucket {
            Bucket::OrderHold(_) => Some(Self::OrderHold),
            Bucket::PositionMargin(_) => Some(Self::PositionMargin),
            Bucket::QuoteHold(_) => Some(Self::QuoteHold),
            Bucket::DeliveryEscrow(_) => Some(Self::DeliveryEscrow),
            Bucket::Bond(_) => Some(Self::Bond),
            Bucket::DefaultFundShare(_) => Some(Self::FundContribution),
            Bucket::Custody
            | Bucket::Cash(_)
            | Bucket::Fees
            | Bucket::FirstLoss
            | Bucket::Insurance
            | Bucket::DefaultFund
            | Bucket::Suspense
            | Bucket::Rounding => None,
        }
    }
}
