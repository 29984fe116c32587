//! An account's lots of one series, and what the book keeps of it.

use instruments::{NetQty, Qty};

use super::portfolio::{Expiry, NONE};

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
        self.net == 0 && self.buys == 0 && self.sells == 0
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

    pub(super) fn short(self) -> i64 {
        self.net.wrapping_neg().max(0)
    }

    /// The most that may come to be short.
    pub(super) fn short_at_worst(self) -> i64 {
        self.sells.wrapping_sub(self.net).max(0)
    }
}

/// What a portfolio has of one series, in one cache line: its lots, and if it is a future, the delta of all that follows it.
///
/// A cell with lots is in two lists, of its portfolio's legs and of its series' holders, and stays there when the lots are gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    net: i32,
    buys: i32,
    sells: i32,
    /// The series of another leg of the portfolio.
    pub(super) next_leg: u32,
    /// Another portfolio with a leg of the series.
    pub(super) next_holder: u32,
    /// Whether it is in the lists.
    pub(super) is_leg: bool,
    pub(super) expiry: Expiry,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            net: 0,
            buys: 0,
            sells: 0,
            next_leg: NONE,
            next_holder: NONE,
            is_leg: false,
            expiry: Expiry::default(),
        }
    }
}

impl Cell {
    #[inline]
    pub(super) fn leg(self) -> Leg {
        let of = i64::from;
        Leg { net: of(self.net), buys: of(self.buys), sells: of(self.sells) }
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_empty(self) -> bool {
        self.leg().is_empty() && self.expiry == Expiry::default()
    }

    /// Changes the lots.
    ///
    /// # Panics
    /// Beyond 32 bits: two thousand times the largest position.
    #[inline]
    pub(super) fn set(&mut self, leg: Leg) {
        let small = |lots: i64| i32::try_from(lots).ok();
        let found = small(leg.net).zip(small(leg.buys)).zip(small(leg.sells));
        assert!(found.is_some(), "more lots than a position may have");
        if let Some(((net, buys), sells)) = found {
            *self = Self { net, buys, sells, ..*self };
        }
    }
}

/// Lots as the lanes count them.
pub(super) fn lots(qty: Qty) -> i64 {
    i64::try_from(qty.lots()).unwrap_or(i64::MAX)
}
