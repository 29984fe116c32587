//! Where money can be.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::AccountId;

/// A place where money is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Bucket {
    /// The contra bucket of deposits, the only one that may be below zero: its balance is minus all the money we owe.
    Custody,
    /// Free money of an account.
    Cash(AccountId),
    /// Held for an account's open orders.
    OrderHold(AccountId),
    /// Held for an account's positions.
    PositionMargin(AccountId),
    /// Held for an account's quotes.
    QuoteHold(AccountId),
    /// A buyer's money, set aside for compute that is being delivered.
    DeliveryEscrow(AccountId),
    /// A seller's money, set aside in case it does not deliver.
    Bond(AccountId),
    /// An account's part of the default fund.
    DefaultFundShare(AccountId),
    /// What trading fees have brought.
    Fees,
    /// The exchange's own money that stands before insurance.
    FirstLoss,
    /// Pays what a loser cannot, before winners are cut.
    Insurance,
    /// What of the default fund belongs to nobody.
    DefaultFund,
    /// Variation on its way from losers to winners; zero between cycles.
    Suspense,
    /// What roundings leave over.
    Rounding,
}

impl Bucket {
    /// All buckets of the house.
    pub const HOUSE: [Self; 7] = [
        Self::Custody,
        Self::Fees,
        Self::FirstLoss,
        Self::Insurance,
        Self::DefaultFund,
        Self::Suspense,
        Self::Rounding,
    ];

    /// Its name in reports, without whose it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Custody => "custody",
            Self::Cash(_) => "cash",
            Self::OrderHold(_) => "order_hold",
            Self::PositionMargin(_) => "position_margin",
            Self::QuoteHold(_) => "quote_hold",
            Self::DeliveryEscrow(_) => "delivery_escrow",
            Self::Bond(_) => "bond",
            Self::DefaultFundShare(_) => "default_fund_share",
            Self::Fees => "fees",
            Self::FirstLoss => "first_loss",
            Self::Insurance => "insurance",
            Self::DefaultFund => "default_fund",
            Self::Suspense => "suspense",
            Self::Rounding => "rounding",
        }
    }

    /// Whose money it is; `None` for the house's own buckets.
    #[must_use]
    pub const fn account(self) -> Option<AccountId> {
        match self {
            Self::Cash(account)
            | Self::OrderHold(account)
            | Self::PositionMargin(account)
            | Self::QuoteHold(account)
            | Self::DeliveryEscrow(account)
            | Self::Bond(account)
            | Self::DefaultFundShare(account) => Some(account),
            Self::Custody
            | Self::Fees
            | Self::FirstLoss
            | Self::Insurance
            | Self::DefaultFund
            | Self::Suspense
            | Self::Rounding => None,
        }
    }

    /// All buckets of one account.
    #[must_use]
    pub const fn all_of(account: AccountId) -> [Self; 7] {
        [
            Self::Cash(account),
            Self::OrderHold(account),
            Self::PositionMargin(account),
            Self::QuoteHold(account),
            Self::DeliveryEscrow(account),
            Self::Bond(account),
            Self::DefaultFundShare(account),
        ]
    }

    /// Whether its money is the obligations': it moves by their holds alone.
    #[must_use]
    pub const fn is_set_aside(self) -> bool {
        match self {
            Self::DeliveryEscrow(_) | Self::Bond(_) => true,
            Self::Custody
            | Self::Cash(_)
            | Self::OrderHold(_)
            | Self::PositionMargin(_)
            | Self::QuoteHold(_)
            | Self::DefaultFundShare(_)
            | Self::Fees
            | Self::FirstLoss
            | Self::Insurance
            | Self::DefaultFund
            | Self::Suspense
            | Self::Rounding => false,
        }
    }
}
