//! The option desk: gives every option a mark, a volatility and a risk array, quoted or not.
//!
//! A thread that looks at the exchange now and then, computes without holding it, and submits what has moved as one command after the
//! other. What it says is journaled like anything else, so that a replay computes no logarithm. It knows nothing that the exchange does
//! not show, and a restart makes it say everything again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use exchange::{Command, Exchange, OptionGreeks, OptionRisk};
use instruments::Ppm;
use parking_lot::RwLock;

use super::clock::VenueClock;
use super::sequencer::Inbox;
use super::wait::is_taken;
use crate::pricing::publisher::{Market, OptionNumbers, Publisher};

/// Options of one command: what fits into one record of the journal with room to spare.
const OPTIONS_PER_COMMAND: usize = 40;

/// The thread's ends of everything.
pub(crate) struct OptionDesk {
    pub(crate) exchange: Arc<RwLock<Exchange>>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: VenueClock,
    /// How often it looks.
    pub(crate) every: Duration,
    /// Closed when the sequencer ends.
    pub(crate) stop: Receiver<()>,
}

impl OptionDesk {
    /// Works until the sequencer ends.
    pub(crate) fn run(self) {
        let mut publisher = Publisher::default();
        while self.stop.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            self.look(&mut publisher);
        }
    }

    fn look(&self, publisher: &mut Publisher) {
        let market = Market::of(&self.exchange.read(), self.clock.now());
        if market.options.is_empty() {
            return;
        }
        let news = publisher.step(&market);
        for page in news.chunks(OPTIONS_PER_COMMAND) {
            let risks: Vec<OptionRisk> = page.iter().map(risk).collect();
            if !self.is_taken(risks) {
                page.iter().for_each(|numbers| publisher.forget(numbers.instrument));
            }
        }
    }

    /// A series may have stopped between the look and the command: the rest of its page is said again at the next look.
    fn is_taken(&self, risks: Vec<OptionRisk>) -> bool {
        is_taken(&self.inbox, Command::PublishRisk { risks })
    }
}

fn risk(numbers: &OptionNumbers) -> OptionRisk {
    OptionRisk {
        instrument: numbers.instrument,
        mark: numbers.mark,
        iv: Ppm::new(numbers.iv_ppm),
        greeks: OptionGreeks {
            delta: numbers.delta,
            gamma: numbers.gamma,
            vega: numbers.vega,
            theta: numbers.theta,
        },
        array: numbers.array,
    }
}
