//! How old the oldest command is that waits for the sequencer or is with it.
//!
//! Commands are taken in the order in which they came, so none that waits is older than the oldest that is being worked on. The sequencer
//! alone writes that one's time, with one store a batch; whoever asks reads it. Nobody waits for anybody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use exchange::{Command, QuoteCommand};

use super::SubmitError;
use crate::limits::{Limits, now};

/// What is not taken any more, and how often that was.
#[derive(Debug)]
pub(super) struct Age {
    begun: Instant,
    /// When the oldest command came, in nanoseconds since the beginning; 0 while there is none.
    oldest: AtomicU64,
    orders_after: Duration,
    cancels_after: Duration,
    shed_orders: AtomicU64,
    shed_cancels: AtomicU64,
}

/// How busy the sequencer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Commands that wait for it.
    pub waiting: usize,
    /// How old the oldest is that it has not finished.
    pub age: Duration,
    /// New orders refused because of that, since the venue was opened.
    pub shed_orders: u64,
    /// Cancels and orders that only reduce, refused because of that.
    pub shed_cancels: u64,
}

/// How soon a command is refused.
enum Lane {
    /// A new order, or a change of one.
    Order,
    /// What makes a position or the book smaller.
    Cancel,
}

impl Age {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            begun: now(),
            oldest: AtomicU64::new(0),
            orders_after: limits.shed_orders_after,
            cancels_after: limits.shed_cancels_after,
            shed_orders: AtomicU64::new(0),
            shed_cancels: AtomicU64::new(0),
        }
    }

    /// When a command comes.
    pub(super) fn stamp(&self) -> u64 {
        let passed = now().saturating_duration_since(self.begun).as_nanos();
        // Half a millennium fits; zero means that there is none.
        u64::try_from(passed).unwrap_or(u64::MAX).max(1)
    }

    /// The sequencer works on a command that came then, and on none that is older.
    pub(super) fn work_on(&self, stamp: u64) {
        self.oldest.store(stamp, Ordering::Relaxed);
    }

    /// Nothing waits.
    pub(super) fn rest(&self) {
        self.oldest.store(0, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Duration {
        match self.oldest.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            oldest => Duration::from_nanos(self.stamp().saturating_sub(oldest)),
        }
    }

    /// Refuses a command that would come too late to be of use.
    pub(super) fn check(&self, command: &Command) -> Result<(), SubmitError> {
        let (after, count) = match lane(command) {
            None => return Ok(()),
            Some(Lane::Order) => (self.orders_after, &self.shed_orders),
            Some(Lane::Cancel) => (self.cancels_after, &self.shed_cancels),
        };
        let age = self.get();
        if age <= after {
            return Ok(());
        }
        count.fetch_add(1, Ordering::Relaxed);
        Err(SubmitError::Late { age, limit: after })
    }

    pub(super) fn load(&self, waiting: usize) -> Load {
        Load {
            waiting,
            age: self.get(),
            shed_orders: self.shed_orders.load(Ordering::Relaxed),
            shed_cancels: self.shed_cancels.load(Ordering::Relaxed),
        }
    }
}

/// `None` for what clears and delivers: it has its own clocks.
const fn lane(command: &Command) -> Option<Lane> {
    if let Command::PlaceOrder(order) = command {
        return Some(if order.reduce_only { Lane::Cancel } else { Lane::Order });
    }
    let quotes = matches!(
        command,
        Command::Quoting(QuoteCommand::MassQuote(_) | QuoteCommand::Place { .. })
    );
    if quotes || matches!(command, Command::AmendOrder(_) | Command::Batch { .. }) {
        return Some(Lane::Order);
    }
    let takes_off = matches!(command, Command::Quoting(QuoteCommand::Cancel { .. }));
    if takes_off || matches!(command, Command::CancelOrder { .. } | Command::CancelAll { .. }) {
        return Some(Lane::Cancel);
    }
    None
}
