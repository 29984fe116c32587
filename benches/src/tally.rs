//! What trades add up to: two engines that agree on all of it have made the same trades in the same order.

/// The sums over a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many trades.
    pub trades: u64,
    /// Their quantities.
    pub volume: u64,
    /// Their quantities times their prices.
    pub notional: u64,
    /// Over makers, prices and quantities, each in its order.
    pub checksum: u64,
    /// Commands that named an order which had ended.
    pub rejected: u64,
}

impl Tally {
    /// Adds a trade up, the maker being left out: cheap enough for a measured replay.
    #[inline]
    pub const fn count(&mut self, price: u32, qty: u32) {
        self.trades = self.trades.wrapping_add(1);
        self.volume = self.volume.wrapping_add(qty as u64);
        self.notional = self.notional.wrapping_add((price as u64).wrapping_mul(qty as u64));
    }

    /// Adds a trade up.
    #[inline]
    pub const fn trade(&mut self, maker: u32, price: u32, qty: u32) {
        self.count(price, qty);
        self.fold((maker as u64) << 32 | price as u64);
        self.fold(qty as u64);
    }

    const fn fold(&mut self, word: u64) {
        let sum = (self.checksum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.checksum = sum ^ (sum >> 29);
    }

    /// The first sum on which two differ, by name, with both values.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<(&'static str, u64, u64)> {
        [
            ("trades", self.trades, other.trades),
            ("volume", self.volume, other.volume),
            ("notional", self.notional, other.notional),
            ("checksum", self.checksum, other.checksum),
            ("rejected", self.rejected, other.rejected),
        ]
        .into_iter()
        .find(|(_, ours, theirs)| ours != theirs)
    }
}
