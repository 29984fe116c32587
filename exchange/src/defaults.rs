//! What the venue remembers of accounts that have too little: who is being liquidated, who bids, who stands behind them.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, MicroUsd, Nanos, Seq};
use settlement::DefaultTerms;

/// The state of defaults. Every map has a bound in `limits.rs`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Defaults {
    /// On what terms.
    pub terms: DefaultTerms,
    /// Accounts that are being liquidated.
    pub liquidations: BTreeMap<AccountId, Liquidation>,
    /// Accounts below maintenance that are not: the oracle is not sure, or too many are already.
    pub below: BTreeSet<AccountId>,
    /// Who takes over portfolios, and the largest notional that each takes.
    pub backstops: BTreeMap<AccountId, MicroUsd>,
    /// The last auction's number.
    pub auctions: u64,
    /// When an account last contributed to the default fund.
    pub contributed_at: BTreeMap<AccountId, Nanos>,
    /// Accounts found below maintenance by this command. Not state: empty between two commands.
    #[borsh(skip)]
    pub(crate) found: BTreeSet<AccountId>,
}

/// How far an account's liquidation has come.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Liquidation {
    /// What is being done.
    pub stage: Stage,
    /// When the next step is due.
    pub next_at: Nanos,
}

/// What is being done about an account that has too little.
///
/// ```text
/// (below maintenance) --> Slicing --below two thirds--> Auction --bid--> taken over
///                           ^ |                           | | +--no bid--> closed out
///                           | +--> ended                  | +--> ended (it has recovered)
///                           +------- recovered in part ---+
/// ```
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// Its positions are closed in the book, slice by slice.
    Slicing,
    /// Its portfolio is offered to backstop bidders.
    Auction {
        /// Its number.
        auction: u64,
        /// Sealed until the step is due.
        bids: BTreeMap<AccountId, Bid>,
    },
}

/// What a backstop bidder asks for taking a portfolio over at its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bid {
    /// What it is to be paid; negative where it pays.
    pub ask: MicroUsd,
    /// When it came.
    pub seq: Seq,
}

impl Defaults {
    pub(crate) const fn new() -> Self {
        Self {
            terms: DefaultTerms::standard(),
            liquidations: BTreeMap::new(),
            below: BTreeSet::new(),
            backstops: BTreeMap::new(),
            auctions: 0,
            contributed_at: BTreeMap::new(),
            found: BTreeSet::new(),
        }
    }

    /// The account whose portfolio is offered in an auction.
    #[must_use]
    pub fn account_in(&self, auction: u64) -> Option<AccountId> {
        let is_it = |liquidation: &Liquidation| matches!(liquidation.stage, Stage::Auction { auction: number, .. } if number == auction);
        self.liquidations.iter().find(|(_, it)| is_it(it)).map(|(account, _)| *account)
    }
}
