//! Who pays what a loser cannot, layer by layer.
//!
//! ```text
//! own margin -> own fund share -> first loss -> insurance -> default fund, then the shares of those who hold a position -> haircut
//! ```
//!
//! A layer is touched only when every layer before it is empty, and each reports what it paid. An account that holds nothing is never
//! touched, nor its share of the fund. Nothing here decides who has lost: variation and close-outs do.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, MicroUsd};

use crate::ledger::{Bucket, Ledger, Reason};
use crate::position::{Positions, saturate};
use crate::split::Split;

/// A loss beyond an account's margin, and who bore it. The parts sum to `lost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DefaultResolved {
    /// Who lost.
    pub account: AccountId,
    /// What it owed in all, at most what the ledger can hold.
    pub lost: MicroUsd,
    /// Paid from its own cash and holds.
    pub own_margin: MicroUsd,
    /// Paid from its own share of the default fund.
    pub own_share: MicroUsd,
    /// Paid by the exchange's own money that stands first.
    pub first_loss: MicroUsd,
    /// Paid by the insurance fund.
    pub insurance: MicroUsd,
    /// Paid by the default fund: what belongs to nobody, then the shares of others who hold positions.
    pub mutual: MicroUsd,
    /// What winners do without.
    pub haircut: MicroUsd,
}

/// What the layers behind an account's own margin have paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    /// One entry for each who could not pay, by account.
    pub defaults: Vec<DefaultResolved>,
    /// How the fund's shares bore their part, if they had to.
    pub shares: Option<Split>,
}

impl DefaultResolved {
    /// A loss of `lost` micro-dollars of which the account's own margin has paid `own_margin`.
    #[must_use]
    pub fn new(account: AccountId, lost: i128, own_margin: MicroUsd) -> Self {
        let lost = saturate(lost);
        let none = MicroUsd::ZERO;
        Self {
            account,
            lost,
            own_margin,
            own_share: none,
            first_loss: none,
            insurance: none,
            mutual: none,
            haircut: lost - own_margin,
        }
    }
}

/// What an account pays its losses with, in this order. A bond and an escrow are promised to the other side of a delivery.
#[must_use]
pub const fn own_margin(account: AccountId) -> [Bucket; 4] {
    [
        Bucket::Cash(account),
        Bucket::PositionMargin(account),
        Bucket::OrderHold(account),
        Bucket::QuoteHold(account),
    ]
}

/// Pays into suspense what the accounts of `defaults`, in the order of their ids, could not pay from their own margin. What no layer can
/// pay either stays in their `haircut`.
pub fn cover(
    ledger: &mut Ledger,
    positions: &Positions,
    defaults: Vec<DefaultResolved>,
) -> Covered {
    let mut defaults = defaults;
    let ledger = &mut *ledger.because(Reason::Default);
    for part in &mut defaults {
        part.own_share = draw(ledger, Bucket::DefaultFundShare(part.account), part);
    }
    for part in &mut defaults {
        part.first_loss = draw(ledger, Bucket::FirstLoss, part);
    }
    for part in &mut defaults {
        part.insurance = draw(ledger, Bucket::Insurance, part);
    }
    for part in &mut defaults {
        part.mutual = draw(ledger, Bucket::DefaultFund, part);
    }
    let shares = draw_shares(ledger, positions, &mut defaults);
    Covered { defaults, shares }
}

/// Draws what is still missing from one bucket, as far as it goes.
fn draw(ledger: &mut Ledger, from: Bucket, part: &mut DefaultResolved) -> MicroUsd {
    let unpaid = ledger.pay(&[from], Bucket::Suspense, part.haircut);
    let paid = part.haircut - unpaid;
    part.haircut = unpaid;
    paid
}

/// Draws what is still missing from the shares of all who hold a position, in proportion to the shares.
fn draw_shares(
    ledger: &mut Ledger,
    positions: &Positions,
    defaults: &mut [DefaultResolved],
) -> Option<Split> {
    let missing = defaults
        .iter()
        .fold(0_i128, |sum, part| sum.saturating_add(i128::from(part.haircut.micros())));
    let share_of = |(bucket, share): (Bucket, MicroUsd)| {
        let account = bucket.account()?;
        let is_at_risk = bucket == Bucket::DefaultFundShare(account)
            && positions.of_account(account).next().is_some();
        is_at_risk.then(|| (account, u128::from(share.micros().unsigned_abs())))
    };
    let shares: Vec<(AccountId, u128)> = ledger.balances().filter_map(share_of).collect();
    let in_all = shares.iter().fold(0_u128, |sum, (_, share)| sum.saturating_add(*share));
    let drawn = u128::try_from(missing).unwrap_or(0).min(in_all);
    let split = Split::new(u64::try_from(drawn).ok().filter(|drawn| 0 < *drawn)?, &shares)?;
    for line in &split.lines {
        let share = Bucket::DefaultFundShare(line.account);
        let paid = ledger.transfer(share, Bucket::Suspense, saturate(i128::from(line.part)));
        assert!(paid.is_ok(), "a part is never above its weight");
    }
    let mut left = saturate(i128::from(split.terms.amount));
    for part in defaults {
        let paid = part.haircut.min(left);
        part.mutual += paid;
        part.haircut -= paid;
        left -= paid;
    }
    Some(split)
}
