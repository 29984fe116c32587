//! Whether the balances are what they must be between two commands. Reads, never writes.

use std::collections::BTreeMap;

use instruments::MicroUsd;
use thiserror::Error;

use super::{Bucket, Ledger};

/// Something in the ledger that must hold and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LedgerFinding {
    /// LEDGER-001: money was made or lost.
    #[error("all buckets together hold {} micro-dollars", total.micros())]
    Total {
        /// The sum, which must be zero.
        total: MicroUsd,
    },
    /// LEDGER-003: somebody was lent money.
    #[error("{bucket:?} holds {} micro-dollars", balance.micros())]
    BelowZero {
        /// Where.
        bucket: Bucket,
        /// How much.
        balance: MicroUsd,
    },
    /// LEDGER-009: money is on its way between two commands.
    #[error("{} micro-dollars are stuck in suspense", stuck.micros())]
    Suspense {
        /// How much.
        stuck: MicroUsd,
    },
    /// LEDGER-011: a bucket is not the sum of its open holds.
    #[error("{bucket:?} holds {} micro-dollars, its open holds {}", balance.micros(), held.micros())]
    Held {
        /// Where.
        bucket: Bucket,
        /// What it holds.
        balance: MicroUsd,
        /// What its open holds say.
        held: MicroUsd,
    },
}

impl Ledger {
    /// Whether all that must hold between two commands does.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn audit(&self) -> Result<(), LedgerFinding> {
        let total = self.total();
        if total != MicroUsd::ZERO {
            return Err(LedgerFinding::Total { total });
        }
        let stuck = self.balance(Bucket::Suspense);
        if stuck != MicroUsd::ZERO {
            return Err(LedgerFinding::Suspense { stuck });
        }
        let mut held: BTreeMap<Bucket, MicroUsd> = BTreeMap::new();
        for (key, amount) in self.obligation_holds() {
            *held.entry(key.bucket()).or_default() += amount;
        }
        for (bucket, balance) in self.balances() {
            if bucket != Bucket::Custody && balance < MicroUsd::ZERO {
                return Err(LedgerFinding::BelowZero { bucket, balance });
            }
            let is_set_aside = bucket.is_set_aside();
            let held =
                if is_set_aside { held.remove(&bucket).unwrap_or_default() } else { balance };
            if balance != held {
                return Err(LedgerFinding::Held { bucket, balance, held });
            }
        }
        let unfunded = held.into_iter().find(|(_, held)| *held != MicroUsd::ZERO);
        match unfunded {
            Some((bucket, held)) => {
                Err(LedgerFinding::Held { bucket, balance: MicroUsd::ZERO, held })
            }
            None => Ok(()),
        }
    }
}
