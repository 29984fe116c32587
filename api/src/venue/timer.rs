//! The timer thread: asks the exchange when something is due, and sends a tick only then. An idle venue journals nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::{Command, Exchange, StateScope};
use instruments::{Date, Grade, Nanos, Seq};
use parking_lot::RwLock;

use super::clock::VenueClock;
use super::ladder::Climb;
use super::listing::{Listing, list_missing};
use super::sequencer::Inbox;
use super::wait::wait;

/// The thread's ends of everything.
pub(crate) struct Timer {
    pub(crate) exchange: Arc<RwLock<Exchange>>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: VenueClock,
    pub(crate) listing: Listing,
    pub(crate) grades: Vec<Grade>,
    /// The day for which series were listed.
    pub(crate) listed_on: Date,
    /// Where on its restart ladder the venue is.
    pub(crate) climb: Option<Climb>,
    /// After which command something is due when: asked again only after another.
    pub(crate) looked: Option<(Seq, Option<Nanos>)>,
    /// How often the exchange is asked, which bounds how late anything happens.
    pub(crate) every: Duration,
    /// Closed when the sequencer ends.
    pub(crate) stop: Receiver<()>,
}

impl Timer {
    /// Works until the sequencer ends.
    pub(crate) fn run(mut self) {
        while self.stop.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            self.climb();
            self.tick();
            self.list();
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if self.next_due().is_none_or(|due| now < due) {
            return;
        }
        match self.inbox.send(Command::Tick) {
            // Waited for, so that no second tick is sent for what the first is about to do.
            Ok(outcome) => drop(wait(outcome)),
            Err(error) => tracing::debug!(%error, "tick not sent"),
        }
    }

    /// What is due next changes with commands only, and to find it out takes a look at every series.
    fn next_due(&mut self) -> Option<Nanos> {
        let exchange = self.exchange.read();
        let last = exchange.last_seq();
        match self.looked {
            Some((seq, due)) if seq == last => due,
            Some(_) | None => {
                let due = exchange.next_due();
                drop(exchange);
                self.looked = Some((last, due));
                due
            }
        }
    }

    /// OPS-011: the next rung, when it is due.
    fn climb(&mut self) {
        let now = self.clock.now();
        let Some(climb) = &mut self.climb else { return };
        let Some(state) = climb.due(now) else { return };
        let command = Command::SetTradingState { scope: StateScope::Restart, state };
        match self.inbox.send(command) {
            Ok(outcome) => {
                drop(wait(outcome));
                climb.arrive(state, now);
                tracing::info!(?state, "restart ladder climbed");
            }
            Err(error) => tracing::debug!(%error, "restart ladder not climbed"),
        }
    }

    fn list(&mut self) {
        let today = Date::of(self.clock.now());
        if self.listed_on < today {
            self.listed_on = today;
            let listing = (&self.listing, self.grades.as_slice());
            list_missing(&self.inbox, &self.exchange, listing, self.clock.now());
        }
    }
}
