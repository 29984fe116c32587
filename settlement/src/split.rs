//! Splits an amount in proportion to weights, by largest remainder, so that whoever has a part can redo it by hand.
//!
//! Everyone first gets the floor of its share; the units that are left over go to the largest remainders, one each, of two equal ones to
//! the earlier account. So the parts sum to the amount, each is within one unit of its exact share, and none is above its weight while
//! the amount is not above the weights.
//!
//! A [`Split`] is its own proof. Its terms say what was split over what and who was served last: with them anyone can check one line.
//! With all lines anyone can check the terms: the sums, the ranks, and the hash that the terms commit to. Nothing secret is needed.

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::AccountId;

/// Lines on one page of a split: a page is published at once and kept by whoever has a line on it.
pub const SPLIT_PAGE_LINES_MAX: usize = 256;

/// What a split was made of. Enough to check any one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SplitTerms {
    /// What was split: micro-dollars or lots.
    pub amount: u64,
    /// The sum of all weights, each shifted right by `shift`.
    pub weights: u128,
    /// How many low bits of every weight were left out, so that no product overflows; 0 for all weights that anyone can pay.
    pub shift: u32,
    /// How many have a line.
    pub lines: u32,
    /// How many of them got one unit more than the floor of their share.
    pub served: u32,
    /// The remainder of the last one that was served, and who it was.
    pub last_served: Option<(u128, AccountId)>,
    /// BLAKE3 of the amount and of every account with its weight, in the order of the accounts.
    pub commitment: [u8; 32],
}

/// One account's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SplitLine {
    /// Whose.
    pub account: AccountId,
    /// What its part is in proportion to.
    pub weight: u128,
    /// `amount x weight / weights`, rounded down.
    pub floor: u64,
    /// What that division left over.
    pub remainder: u128,
    /// Its place by remainder, from 1: the first `served` places get one unit more.
    pub rank: u32,
    /// What it gets.
    pub part: u64,
}

/// A whole split: its terms, and its lines by account.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Split {
    /// What it was made of.
    pub terms: SplitTerms,
    /// Everyone's part, by account.
    pub lines: Vec<SplitLine>,
}

/// A part of a split that is small enough to publish at once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SplitPage {
    /// What the whole split was made of.
    pub terms: SplitTerms,
    /// Its number, from 1.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
    /// At most [`SPLIT_PAGE_LINES_MAX`] lines, by account.
    pub lines: Vec<SplitLine>,
}

impl SplitTerms {
    /// Whether `line` is what these terms give to its account: the check that one account can do with its own page alone.
    #[must_use]
    pub fn hold_for(&self, line: &SplitLine) -> bool {
        let weight = line.weight.checked_shr(self.shift).unwrap_or(0);
        let Some((floor, remainder)) = self.share(weight) else { return false };
        let order = (Reverse(remainder), line.account);
        let is_served = self.last_served.is_some_and(|(last, by)| order <= (Reverse(last), by));
        let part = floor.checked_add(u64::from(is_served));
        (line.floor, line.remainder, Some(line.part)) == (floor, remainder, part)
            && is_served == (1..=self.served).contains(&line.rank)
    }

    /// The floor of a share, and the remainder.
    fn share(&self, weight: u128) -> Option<(u64, u128)> {
        let product = u128::from(self.amount).checked_mul(weight)?;
        let floor = product.checked_div(self.weights)?;
        Some((u64::try_from(floor).ok()?, product.checked_rem(self.weights)?))
    }
}

impl Split {
    /// Splits `amount` over accounts with weights above zero, given in the order of the accounts. `None` when there is nobody.
    ///
    /// # Panics
    /// When the accounts are out of order or one has no weight: the caller has made the list.
    #[must_use]
    pub fn new(amount: u64, weights: &[(AccountId, u128)]) -> Option<Self> {
        assert!(weights.is_sorted_by(|one, next| one.0 < next.0), "a split by account, each once");
        let exact = weights.iter().fold(0_u128, |sum, (_, weight)| sum.saturating_add(*weight));
        let shift = 64_u32.saturating_sub(exact.leading_zeros()).min(64);
        let shifted = |weight: u128| weight.checked_shr(shift).unwrap_or(0);
        let total = weights.iter().fold(0, |sum: u128, (_, it)| sum.saturating_add(shifted(*it)));
        let mut terms = SplitTerms {
            amount,
            weights: total,
            shift,
            lines: u32::try_from(weights.len()).ok()?,
            commitment: commitment(amount, weights.iter().copied()),
            ..SplitTerms::default()
        };
        let mut lines = Vec::with_capacity(weights.len());
        for (account, weight) in weights {
            assert!(0 < *weight, "a part in proportion to nothing");
            let (floor, remainder) = terms.share(shifted(*weight))?;
            let line = SplitLine {
                account: *account,
                weight: *weight,
                floor,
                remainder,
                rank: 0,
                part: floor,
            };
            lines.push(line);
        }
        let floors = lines.iter().fold(0_u64, |sum, line| sum.saturating_add(line.floor));
        terms.served = u32::try_from(amount.saturating_sub(floors)).ok()?;
        let mut by_remainder: Vec<&mut SplitLine> = lines.iter_mut().collect();
        by_remainder.sort_unstable_by_key(|line| (Reverse(line.remainder), line.account));
        for (rank, line) in (1..).zip(by_remainder) {
            line.rank = rank;
            if rank <= terms.served {
                line.part = line.part.saturating_add(1);
                terms.last_served = Some((line.remainder, line.account));
            }
        }
        Some(Self { terms, lines })
    }

    /// What an account's part is, if the whole split holds: every line follows from the terms, the ranks are those of the remainders, the
    /// parts sum to the amount, and the terms commit to just these weights. Nobody's word is taken for anything.
    #[must_use]
    pub fn verify(&self, account: AccountId) -> Option<u64> {
        let weights: Vec<(AccountId, u128)> =
            self.lines.iter().map(|line| (line.account, line.weight)).collect();
        let is_ordered = weights.is_sorted_by(|one, next| one.0 < next.0)
            && weights.iter().all(|(_, weight)| 0 < *weight);
        if !is_ordered || Self::new(self.terms.amount, &weights)? != *self {
            return None;
        }
        self.lines.iter().find(|line| line.account == account).map(|line| line.part)
    }

    /// The split in parts that are small enough to publish at once.
    pub fn pages(&self) -> impl Iterator<Item = SplitPage> {
        let pages = u32::try_from(self.lines.len().div_ceil(SPLIT_PAGE_LINES_MAX));
        let pages = pages.unwrap_or(u32::MAX);
        let numbered = (1..).zip(self.lines.chunks(SPLIT_PAGE_LINES_MAX));
        let terms = self.terms;
        numbered.map(move |(page, lines)| SplitPage { terms, page, pages, lines: lines.to_vec() })
    }

    /// The split whose pages these are, in any order. `None` when one is missing, twice there, or of another split.
    #[must_use]
    pub fn of_pages(pages: &[SplitPage]) -> Option<Self> {
        let terms = pages.first()?.terms;
        let mut ordered: Vec<&SplitPage> = pages.iter().collect();
        ordered.sort_by_key(|page| page.page);
        let are_all = (1..)
            .zip(&ordered)
            .all(|(place, page): (u32, _)| page.page == place && page.terms == terms)
            && ordered.iter().all(|page| usize::try_from(page.pages) == Ok(pages.len()));
        let lines: Vec<SplitLine> =
            ordered.iter().flat_map(|page| page.lines.iter().copied()).collect();
        are_all.then_some(Self { terms, lines })
    }
}

/// What an account that was cut received, if the split of the pot over the winners holds.
#[must_use]
pub fn verify_haircut(proof: &Split, account: AccountId) -> Option<u64> {
    proof.verify(account)
}

fn commitment(amount: u64, weights: impl Iterator<Item = (AccountId, u128)>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"tenor split v1");
    hasher.update(&amount.to_le_bytes());
    for (account, weight) in weights {
        hasher.update(&account.0.to_le_bytes());
        hasher.update(&weight.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
