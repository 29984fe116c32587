//! The venue's clock: the one place where the process asks what time it is.
//!
//! The sequencer reads it once per command; the timer and the edges read it to decide when to ask for one. The exchange never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use instruments::Nanos;

/// Where the venue's time comes from.
#[derive(Debug, Clone, Default)]
pub enum VenueClock {
    /// The system's clock, UTC.
    #[default]
    System,
    /// Nanoseconds since the Unix epoch that somebody else moves: a test, or a simulation.
    Manual(Arc<AtomicU64>),
}

impl VenueClock {
    /// A clock that stands at `at` until it is moved.
    #[must_use]
    pub fn manual(at: Nanos) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(at.nanos())))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Nanos {
        match self {
            Self::System => system_now(),
            Self::Manual(nanos) => Nanos::new(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock; a system clock is not ours to move.
    pub fn set(&self, at: Nanos) {
        match self {
            Self::System => {}
            Self::Manual(nanos) => nanos.store(at.nanos(), Ordering::SeqCst),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the only clock read on the order path")]
fn system_now() -> Nanos {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Nanos::new(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
