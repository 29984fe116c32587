//! Small records by a pair of numbers: one multiplication and, nearly always, one cache line away.
//!
//! Open addressing with linear steps, at most three quarters full. Records are never removed one by one; [`Cells::retain`] builds the table
//! anew, off the path of orders. The order of records says nothing and nothing reads it.

/// A portfolio and something in it: never twice the same.
pub(super) type Key = u64;

/// Fewest records that a table has room for.
const CAPACITY_MIN: usize = 16;

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Entry<V> {
    /// Zero when free.
    key: Key,
    value: V,
}

/// Records by key.
#[derive(Debug, Clone)]
pub(super) struct Cells<V> {
    entries: Vec<Entry<V>>,
    len: usize,
    shift: u32,
}

/// What a key was made of.
#[inline]
pub(super) fn parts(key: Key) -> (u32, u32) {
    let place = u32::try_from(key & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (u32::try_from(key.wrapping_shr(32)).unwrap_or(u32::MAX), place.wrapping_sub(1))
}

/// The key of the `place`-th thing of a portfolio. Never zero.
#[inline]
pub(super) fn key(portfolio: u32, place: u32) -> Key {
    u64::from(portfolio).wrapping_shl(32) | u64::from(place).wrapping_add(1)
}

impl<V: Copy + Default> Default for Cells<V> {
    fn default() -> Self {
        Self::with_room(CAPACITY_MIN)
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a place is a number below the table's length, which is a power of two"
)]
impl<V: Copy + Default> Cells<V> {
    fn with_room(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two().max(CAPACITY_MIN);
        let entries = vec![Entry { key: 0, value: V::default() }; capacity];
        let shift = 64_u32.wrapping_sub(capacity.trailing_zeros());
        Self { entries, len: 0, shift }
    }

    /// The place at which a search for `key` begins: the upper bits of a product, in which all bits of the key have a part.
    #[inline]
    #[expect(
        clippy::as_conversions,
        reason = "after the shift the number is below the table's length"
    )]
    const fn home(&self, key: Key) -> usize {
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(self.shift) as usize
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.entries.len().wrapping_sub(1)
    }

    /// The record of a key; nothing at all when it has none.
    #[inline]
    pub(super) fn get(&self, key: Key) -> V {
        let mut place = self.home(key);
        loop {
            let entry = &self.entries[place];
            if entry.key == key {
                return entry.value;
            }
            if entry.key == 0 {
                return V::default();
            }
            place = self.next(place);
        }
    }

    /// The record of a key, made if it had none.
    #[inline]
    pub(super) fn entry(&mut self, key: Key) -> &mut V {
        let mut place = self.home(key);
        while self.entries[place].key != key {
            if self.entries[place].key == 0 {
                return self.insert(key);
            }
            place = self.next(place);
        }
        &mut self.entries[place].value
    }

    #[cold]
    fn insert(&mut self, key: Key) -> &mut V {
        let room = self.entries.len().wrapping_mul(3).wrapping_shr(2);
        if room <= self.len {
            self.rebuild(self.entries.len().wrapping_mul(2), |_| true);
        }
        self.put(key)
    }

    fn put(&mut self, key: Key) -> &mut V {
        let mut place = self.home(key);
        while self.entries[place].key != 0 {
            place = self.next(place);
        }
        self.len = self.len.wrapping_add(1);
        let entry = &mut self.entries[place];
        entry.key = key;
        &mut entry.value
    }

    /// Makes room for so many records in all.
    pub(super) fn reserve(&mut self, records: usize) {
        let capacity = records.wrapping_mul(4).wrapping_div(3).wrapping_add(1);
        if self.entries.len() < capacity {
            self.rebuild(capacity, |_| true);
        }
    }

    /// Keeps only the records that are wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&V) -> bool) {
        self.rebuild(self.entries.len(), is_wanted);
    }

    fn rebuild(&mut self, capacity: usize, is_wanted: impl Fn(&V) -> bool) {
        let old = std::mem::replace(self, Self::with_room(capacity));
        let kept = old.entries.iter().filter(|entry| entry.key != 0);
        for entry in kept.filter(|entry| is_wanted(&entry.value)) {
            *self.put(entry.key) = entry.value;
        }
    }

    /// Every record with its key, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut V)> {
        let taken = self.entries.iter_mut().filter(|entry| entry.key != 0);
        taken.map(|entry| (entry.key, &mut entry.value))
    }
}
