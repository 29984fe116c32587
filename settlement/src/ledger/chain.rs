//! Transfers that stand or fall together, and what they are for. Both are scopes: they end with the value that stands for them.
//!
//! ```text
//! let mut chain = ledger.chain();
//! chain.transfer(a, b, x)?;                          // left early: nothing of the chain has happened
//! chain.because(Reason::Premium).transfer(b, c, y)?;
//! chain.commit();                                    // from here on all of it has
//! ```

use std::ops::{Deref, DerefMut};

use super::hold::HoldKey;
use super::transfer::{Reason, Transfer, TransferId};
use super::{Bucket, Ledger};
use instruments::MicroUsd;

/// What a chain needs to undo itself. Not state: between two commands no chain is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// The first transfer of the outermost chain.
    pub chain: Option<TransferId>,
    /// What the holds that have changed since were before, oldest first.
    holds_before: Vec<(HoldKey, Option<MicroUsd>)>,
}

/// A chain of transfers and holds that are all made, or none of them.
///
/// One within another is part of it: undone alone when it fails alone, and with the other when that fails.
#[must_use = "a chain that is not committed is undone"]
#[derive(Debug)]
pub struct Chain<'a> {
    ledger: &'a mut Ledger,
    outer: Option<TransferId>,
    transfers: usize,
    holds: usize,
    is_committed: bool,
}

impl Chain<'_> {
    /// Makes it all stand.
    ///
    /// # Panics
    /// When it is the outermost chain and leaves anything in suspense.
    pub fn commit(mut self) {
        let stuck = self.ledger.balance(Bucket::Suspense);
        let is_inner = self.outer.is_some();
        assert!(is_inner || stuck == MicroUsd::ZERO, "a chain leaves money in suspense");
        self.is_committed = true;
    }
}

impl Deref for Chain<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        self.ledger
    }
}

impl DerefMut for Chain<'_> {
    fn deref_mut(&mut self) -> &mut Ledger {
        self.ledger
    }
}

impl Drop for Chain<'_> {
    fn drop(&mut self) {
        if !self.is_committed {
            self.ledger.undo(self.transfers, self.holds);
        }
        self.ledger.open.chain = self.outer;
        if self.outer.is_none() {
            self.ledger.open.holds_before.clear();
        }
    }
}

/// The ledger, while all that moves is for one reason.
#[derive(Debug)]
pub struct Because<'a> {
    ledger: &'a mut Ledger,
    before: Option<Reason>,
}

impl Deref for Because<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        self.ledger
    }
}

impl DerefMut for Because<'_> {
    fn deref_mut(&mut self) -> &mut Ledger {
        self.ledger
    }
}

impl Drop for Because<'_> {
    fn drop(&mut self) {
        self.ledger.reason = self.before;
    }
}

impl Ledger {
    /// Begins a chain. It ends with the value: committed, or else undone.
    pub fn chain(&mut self) -> Chain<'_> {
        let outer = self.open.chain;
        self.open.chain = outer.or(Some(self.last_transfer.next()));
        let (transfers, holds) = (self.transfers.len(), self.open.holds_before.len());
        Chain { ledger: self, outer, transfers, holds, is_committed: false }
    }

    /// What moves by the value that this returns is for `reason`. A hold that is opened, resized or given back says itself what it is.
    pub fn because(&mut self, reason: Reason) -> Because<'_> {
        let before = self.reason.replace(reason);
        Because { ledger: self, before }
    }

    /// A hold is about to change.
    pub(super) fn note_hold(&mut self, key: HoldKey) {
        if self.open.chain.is_some() {
            self.open.holds_before.push((key, self.holds.get(&key).copied()));
        }
    }

    /// Takes back all but the first `transfers` transfers and `holds` changes of holds, youngest first.
    fn undo(&mut self, transfers: usize, holds: usize) {
        while transfers < self.transfers.len()
            && let Some(Transfer { id, from, to, amount, .. }) = self.transfers.pop()
        {
            self.change(to, -amount);
            self.change(from, amount);
            self.last_transfer = TransferId(id.0.saturating_sub(1));
        }
        while holds < self.open.holds_before.len()
            && let Some((key, before)) = self.open.holds_before.pop()
        {
            match before {
                Some(held) => self.holds.insert(key, held),
                None => self.holds.remove(&key),
            };
        }
    }
}
