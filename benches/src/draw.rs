//! Seeded draws, in integers only: the same seed gives the same numbers on every machine.

/// A splitmix64 sequence.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    /// A small number below `bound`, which is not zero.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap_or(u32::MAX)
    }

    /// Whether something happens that does so `per_mille` times in a thousand.
    pub fn is(&mut self, per_mille: u32) -> bool {
        self.small(1_000) < per_mille
    }

    /// A distance: small ones are likely, large ones ever less so, `mean` on average (nearly: the logarithm is read off the number's bits).
    pub fn distance(&mut self, mean: u32) -> u32 {
        const LN_2: u64 = 45_426;
        let word = self.word() | 1;
        let zeros = u64::from(word.leading_zeros());
        let fraction = (word << zeros << 1) >> 48;
        let halvings = (zeros << 16) + (0xffff - fraction);
        let natural = (halvings * LN_2) >> 16;
        u32::try_from((u64::from(mean) * natural) >> 16).unwrap_or(u32::MAX)
    }
}

/// Draws one of many, the first ones most often: the k-th with a weight of 1/k.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// Sums of weights, ascending.
    sums: Vec<u64>,
}

impl Zipf {
    /// `count` of them.
    #[must_use]
    pub fn new(count: u32) -> Self {
        let mut sum = 0;
        let weight = |rank: u32| 1_000_000_000 / u64::from(rank);
        let mut add = |rank| {
            sum += weight(rank);
            sum
        };
        Self { sums: (1..=count).map(&mut add).collect() }
    }

    /// One of them, from zero.
    pub fn draw(&self, draw: &mut Draw) -> usize {
        let Some(whole) = self.sums.last() else { return 0 };
        let point = draw.below(*whole);
        self.sums.partition_point(|sum| *sum <= point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_their_mean() {
        let mut draw = Draw::new(7);
        for mean in [5, 100, 1_500] {
            let sum: u64 = (0..100_000).map(|_| u64::from(draw.distance(mean))).sum();
            let found = sum / 100_000;
            let mean = u64::from(mean);
            assert!(mean * 9 / 10 <= found + 1 && found <= mean * 11 / 10, "{mean}: {found}");
        }
    }

    #[test]
    fn the_first_is_drawn_twice_as_often_as_the_second() {
        let (zipf, mut draw) = (Zipf::new(1_000), Draw::new(7));
        let mut drawn = vec![0_u32; 1_000];
        for _ in 0..100_000 {
            drawn[zipf.draw(&mut draw)] += 1;
        }
        assert!((12_500..14_500).contains(&drawn[0]), "{}", drawn[0]);
        assert!(drawn[0].abs_diff(drawn[1] * 2) < 1_500, "{} {}", drawn[0], drawn[1]);
    }
}
