//! Where all chance in a world comes from: one stream of numbers per participant and purpose, all from one seed.
//!
//! A stream is the extended output of a keyed hash over its name, so that adding a participant, or a draw by one, leaves the draws of all
//! others as they were. Integers only: the same seed gives the same world on every machine.

use blake3::OutputReader;

/// Keeps a world's streams from ever being hashes of something else.
const DOMAIN: &str = "tenor sim 1 streams of chance";

/// The chance of one participant for one purpose.
#[derive(Debug)]
pub(crate) struct Stream {
    reader: OutputReader,
}

impl Stream {
    /// The stream called `name` in the world of `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let key = blake3::derive_key(DOMAIN, &seed.to_le_bytes());
        let reader = blake3::Hasher::new_keyed(&key).update(name.as_bytes()).finalize_xof();
        Self { reader }
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.reader.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`, zero when there is none. Numbers that would favour the small ones are drawn again.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let number = self.number();
            if number < fair {
                return number % bound;
            }
        }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Whether something happens that happens `ppm` times in a million.
    pub(crate) fn chance(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// A number from `-reach` to `reach`, small ones more often: the sum of four equal draws.
    pub(crate) fn around_zero(&mut self, reach: u64) -> i64 {
        let quarter = reach / 4;
        let sum: u64 = (0..4).map(|_| self.between(0, 2 * quarter)).sum();
        i64::try_from(sum).unwrap_or(0) - i64::try_from(4 * quarter).unwrap_or(0)
    }

    /// One of `all`; the first when there is only one.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        assert!(!all.is_empty(), "a choice among nothing");
        let at = self.below(u64::try_from(all.len()).unwrap_or(u64::MAX));
        all[usize::try_from(at).unwrap_or(0)]
    }

    /// 32 bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.reader.fill(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_seed_and_its_name() {
        let first = |seed, name| Stream::new(seed, name).number();
        assert_eq!(first(1, "maker 1"), first(1, "maker 1"));
        assert_ne!(first(1, "maker 1"), first(2, "maker 1"));
        assert_ne!(first(1, "maker 1"), first(1, "maker 2"));
    }

    #[test]
    fn draws_stay_within_their_bounds_and_reach_them() {
        let mut stream = Stream::new(7, "bounds");
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[usize::try_from(stream.below(5)).unwrap()] += 1;
            assert!((3..=4).contains(&stream.between(3, 4)));
            assert!(stream.around_zero(40).abs() <= 40);
        }
        assert!(seen.iter().all(|count| 150 < *count), "{seen:?}");
        assert_eq!((stream.below(0), stream.below(1)), (0, 0));
        assert!(!stream.chance(0) && stream.chance(1_000_000));
    }
}
