//! An account's lots of one series.

use instruments::{NetQty, Qty};

/// An account's lots of one series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leg {
    /// Held, negative when short.
    pub net: i64,
    /// Open to be bought.
    pub buys: i64,
    /// Open to be sold.
    pub sells: i64,
}

impl Leg {
    pub(super) const EMPTY: Self = Self { net: 0, buys: 0, sells: 0 };

    /// A leg of lots held and lots open.
    #[must_use]
    pub fn new(net: NetQty, buys: Qty, sells: Qty) -> Self {
        Self { net: net.lots(), buys: lots(buys), sells: lots(sells) }
    }

    pub(super) const fn is_empty(self) -> bool {
        (self.net | self.buys | self.sells) == 0
    }

    pub(super) const fn plus(self, change: Self) -> Self {
        Self {
            net: self.net.wrapping_add(change.net),
            buys: self.buys.wrapping_add(change.buys),
            sells: self.sells.wrapping_add(change.sells),
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            net: self.net.wrapping_sub(other.net),
            buys: self.buys.wrapping_sub(other.buys),
            sells: self.sells.wrapping_sub(other.sells),
        }
    }

    /// Lots that count towards the gross.
    pub(super) const fn weight(self) -> i64 {
        self.net.wrapping_abs().wrapping_add(self.buys).wrapping_add(self.sells)
    }

    /// The most that may come to be held.
    pub(super) const fn highest(self) -> i64 {
        self.net.wrapping_add(self.buys)
    }

    /// The least that may come to be held.
    pub(super) const fn lowest(self) -> i64 {
        self.net.wrapping_sub(self.sells)
    }

    pub(super) fn short(self) -> i64 {
        self.net.wrapping_neg().max(0)
    }

    /// The most that may come to be short.
    pub(super) fn short_at_worst(self) -> i64 {
        self.sells.wrapping_sub(self.net).max(0)
    }
}

/// Lots as the lanes count them.
pub(super) fn lots(qty: Qty) -> i64 {
    i64::try_from(qty.lots()).unwrap_or(i64::MAX)
}
