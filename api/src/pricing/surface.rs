//! The smiles of all expiries of one family of options, together without arbitrage.
//!
//! Every expiry always has a smile that nobody can trade against, and none has less variance than an earlier one. A fit that would break
//! this is refused: the last good smile goes on, with the time that is left, and its age says since when. Where even that breaks it, the
//! smile is raised, then flattened, then replaced by the earlier expiry's; an expiry that never had a fit begins flat.

use std::collections::BTreeMap;

use instruments::{Nanos, NanosSpan};

use super::svi::fit::{FitError, Quote, fit};
use super::svi::{Smile, Svi, SviError};

/// The most expiries of one family.
pub const EXPIRIES_MAX: usize = 64;

/// Closer to expiry than a minute a smile stays as it is then: no volatility can be told any more.
const YEARS_MIN: f64 = 60.0 / (365.0 * 86_400.0);

/// What is quoted for one expiry.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpiryQuotes {
    /// Which.
    pub expires_at: Nanos,
    /// `T`.
    pub years: f64,
    /// Its quotes; none when nobody quotes.
    pub quotes: Vec<Quote>,
}

/// A smile that was fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fitted {
    smile: Smile,
    years: f64,
    at: Nanos,
}

/// The smile of one expiry as it is used now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// Total variance by log of strike over forward.
    pub smile: Smile,
    /// The time that its variance is for.
    pub years: f64,
    /// When quotes last gave a smile; `None` if they never did.
    pub fitted_at: Option<Nanos>,
    /// Why they did not now.
    pub refused: Option<FitError>,
}

impl Slice {
    /// The volatility at `k`.
    #[must_use]
    pub fn iv(&self, k: f64) -> f64 {
        self.smile.iv(k, self.years)
    }

    /// How old it is: the time since quotes last gave it.
    #[must_use]
    pub fn age(&self, now: Nanos) -> Option<NanosSpan> {
        self.fitted_at.map(|at| now.since(at))
    }
}

/// The smiles of a family.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surface {
    fitted: BTreeMap<Nanos, Fitted>,
    slices: BTreeMap<Nanos, Slice>,
}

impl Surface {
    /// The smile of one expiry, if it was asked for in the newest [`Surface::refit`].
    #[must_use]
    pub fn slice(&self, expires_at: Nanos) -> Option<&Slice> {
        self.slices.get(&expires_at)
    }

    /// All of them, earliest first.
    pub fn slices(&self) -> impl Iterator<Item = (Nanos, &Slice)> {
        self.slices.iter().map(|(expires_at, slice)| (*expires_at, slice))
    }

    /// Fits every expiry anew; the latest beyond [`EXPIRIES_MAX`] are left out. `default_iv` is for those that nobody has ever quoted.
    pub fn refit(&mut self, now: Nanos, expiries: &[ExpiryQuotes], default_iv: f64) {
        let mut ordered: Vec<&ExpiryQuotes> = expiries.iter().collect();
        ordered.sort_by_key(|expiry| expiry.expires_at);
        ordered.dedup_by_key(|expiry| expiry.expires_at);
        ordered.truncate(EXPIRIES_MAX);
        self.slices.clear();
        let mut earlier: Option<Slice> = None;
        for expiry in &ordered {
            let slice = self.slice_of(now, expiry, default_iv, earlier.as_ref());
            self.slices.insert(expiry.expires_at, slice);
            earlier = Some(slice);
        }
        let slices = &self.slices;
        self.fitted.retain(|expires_at, _| slices.contains_key(expires_at));
    }

    fn slice_of(
        &mut self,
        now: Nanos,
        expiry: &ExpiryQuotes,
        default_iv: f64,
        earlier: Option<&Slice>,
    ) -> Slice {
        let years = expiry.years.max(YEARS_MIN);
        let last = self.fitted.get(&expiry.expires_at).copied();
        // What is left of the last good smile: the same volatilities over less time.
        let before = last.and_then(|last| last.smile.svi().scaled(years / last.years).check().ok());
        let fresh = fit(&expiry.quotes, years, before.as_ref()).and_then(|smile| {
            earlier.map_or(Ok(()), |slice| smile.check_after(&slice.smile))?;
            Ok(smile)
        });
        match fresh {
            Ok(smile) => {
                self.fitted.insert(expiry.expires_at, Fitted { smile, years, at: now });
                Slice { smile, years, fitted_at: Some(now), refused: None }
            }
            Err(refused) => {
                let level = last.map_or(default_iv, |last| last.smile.iv(0.0, last.years));
                let flat = Svi::flat(level.clamp(0.01, 10.0), years).check().ok();
                let smile = carried([before, flat], earlier.map(|slice| &slice.smile));
                let fitted_at = last.map(|last| last.at);
                Slice { smile, years, fitted_at, refused: Some(refused) }
            }
        }
    }
}

/// The first candidate that can stand behind `earlier`, raised if it must be; else one as high as it.
fn carried(candidates: [Option<Smile>; 2], earlier: Option<&Smile>) -> Smile {
    for candidate in candidates.into_iter().flatten() {
        let Some(earlier) = earlier else { return candidate };
        let mut raised = *candidate.svi();
        // The worst place is raised to where it may be; the next try finds what is left of rounding.
        for _ in 0..3 {
            let Ok(smile) = raised.check() else { break };
            match smile.check_after(earlier) {
                Ok(()) => return smile,
                Err(SviError::Calendar { by, .. }) => raised.a += by * (1.0 + 1e-6),
                Err(SviError::Butterfly { .. } | SviError::Parameter { .. }) => break,
            }
        }
    }
    earlier.copied().unwrap_or_else(Smile::least)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Nanos = Nanos::from_seconds(1_000_000);
    const DAY: u64 = 86_400;

    fn at(days: u64) -> Nanos {
        Nanos::from_seconds(1_000_000 + days * DAY)
    }

    fn expiry(days: u64, now: u64, quotes: &[(f64, f64)]) -> ExpiryQuotes {
        let quotes = quotes.iter().map(|&(k, iv)| Quote { k, iv, weight: 1.0 });
        let left = u32::try_from(days - now).expect("days");
        ExpiryQuotes {
            expires_at: at(days),
            years: f64::from(left) / 365.0,
            quotes: quotes.collect(),
        }
    }

    const SMILE: [(f64, f64); 7] = [
        (-0.4, 0.95),
        (-0.2, 0.85),
        (-0.1, 0.81),
        (0.0, 0.80),
        (0.1, 0.81),
        (0.2, 0.84),
        (0.4, 0.92),
    ];

    #[track_caller]
    fn check_sound(surface: &Surface) {
        let mut earlier: Option<Slice> = None;
        for (_, slice) in surface.slices() {
            assert!(slice.smile.svi().check().is_ok());
            if let Some(earlier) = earlier {
                assert_eq!(slice.smile.check_after(&earlier.smile), Ok(()));
            }
            earlier = Some(*slice);
        }
    }

    #[test]
    fn what_nobody_quotes_is_flat_and_has_no_age() {
        let mut surface = Surface::default();
        surface.refit(T0, &[expiry(30, 0, &[]), expiry(60, 0, &[])], 0.8);
        check_sound(&surface);
        for days in [30, 60] {
            let slice = surface.slice(at(days)).expect("a smile");
            assert!((slice.iv(0.3) - 0.8).abs() < 1e-12);
            assert_eq!((slice.age(T0), slice.refused), (None, Some(FitError::NoQuotes)));
        }
    }

    #[test]
    fn a_smile_that_is_no_longer_quoted_goes_on_and_ages() {
        let mut surface = Surface::default();
        surface.refit(T0, &[expiry(30, 0, &SMILE)], 0.8);
        let fresh = *surface.slice(at(30)).expect("a smile");
        assert!((fresh.iv(0.0) - 0.8).abs() < 0.005 && fresh.refused.is_none());
        surface.refit(at(10), &[expiry(30, 10, &[])], 0.8);
        let aged = surface.slice(at(30)).expect("a smile");
        assert_eq!(aged.age(at(10)), Some(at(10).since(T0)));
        for k in [-0.3, 0.0, 0.3] {
            assert!((aged.iv(k) - fresh.iv(k)).abs() < 1e-9, "the same volatilities at {k}");
        }
        surface.refit(at(30), &[], 0.8);
        assert_eq!(surface, Surface::default(), "what has expired is forgotten");
    }

    #[test]
    fn a_later_expiry_never_has_less_variance() {
        let mut surface = Surface::default();
        surface.refit(T0, &[expiry(30, 0, &SMILE), expiry(35, 0, &SMILE)], 0.8);
        check_sound(&surface);
        // The front doubles; nobody quotes the back any more, or somebody quotes it far too low.
        let doubled = SMILE.map(|(k, iv)| (k, 2.0 * iv));
        let halved = SMILE.map(|(k, iv)| (k, 0.5 * iv));
        for back in [&[][..], &halved[..]] {
            surface.refit(T0, &[expiry(30, 0, &doubled), expiry(35, 0, back)], 0.8);
            check_sound(&surface);
            assert!(surface.slice(at(35)).expect("a smile").refused.is_some());
        }
        assert!((surface.slice(at(30)).expect("a smile").iv(0.0) - 1.6).abs() < 0.01);
        // The front calms down, and so does the back: the raise was for as long as it was needed.
        surface.refit(T0, &[expiry(30, 0, &SMILE), expiry(35, 0, &[])], 0.8);
        assert!((surface.slice(at(35)).expect("a smile").iv(0.0) - 0.8).abs() < 0.01);
    }

    #[test]
    fn to_the_last_second_there_is_a_smile() {
        let mut surface = Surface::default();
        for years in [1e-6, 1e-9, 0.0] {
            let expires_at = at(1);
            let quotes = vec![Quote { k: 0.0, iv: 0.8, weight: 1.0 }];
            surface.refit(T0, &[ExpiryQuotes { expires_at, years, quotes }], 0.8);
            assert!((surface.slice(expires_at).expect("a smile").iv(0.0) - 0.8).abs() < 1e-6);
        }
    }
}
