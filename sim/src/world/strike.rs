//! How each fault strikes.

use exchange::Exchange;
use instruments::NanosSpan;

use super::World;
use crate::fault::Fault;
use crate::finding::Finding;

impl World<'_> {
    pub(super) fn strike(&mut self, fault: Fault) {
        let now = self.clock.now;
        *self.tally.faults.entry(fault.name()).or_default() += 1;
        match fault {
            Fault::Crash { down_for } => {
                self.finding = self.crash().err();
                self.clock.down_until = now + down_for;
                self.clock.timer_from = self.clock.timer_from.max(self.clock.down_until);
                self.delay_timer();
            }
            Fault::ClockStall { lasts } => {
                self.clock.stands_until = now + lasts;
                self.clock.timer_from = self.clock.timer_from.max(self.clock.stands_until);
                self.delay_timer();
            }
            Fault::IndexSilent { lasts } => self.trouble.silent_until = now + lasts,
            Fault::SourcesDark { lasts } => self.trouble.dark_until = now + lasts,
            Fault::IndexSpike { factor_ppm, lasts } => {
                self.trouble.spike = (now + lasts, factor_ppm);
            }
            Fault::IndexDuplicated => self.trouble.duplicate_next = true,
            Fault::IndexOutOfOrder => self.trouble.delay_next = true,
            Fault::VerifierOutage { lasts } => self.trouble.verifier_until = now + lasts,
            Fault::ProviderOutage { provider, lasts } => {
                let count = u64::try_from(self.agents.len()).unwrap_or(1).max(1);
                let place = usize::try_from(provider % count).unwrap_or(0);
                if let Some(account) = self.agents.keys().nth(place).copied() {
                    self.trouble.unreachable.insert(account, now + lasts);
                }
            }
            Fault::ChallengeOutage { lasts } => self.trouble.challenges_until = now + lasts,
        }
    }

    /// Others may be faster than the timer when the venue is back.
    fn delay_timer(&mut self) {
        let late = NanosSpan::from_millis(self.desk.below(3) * self.desk.below(20_000));
        self.clock.timer_from = self.clock.timer_from + late;
    }

    /// The venue's memory is gone: the last snapshot and the journal behind it must give the same state again, event by event.
    pub(super) fn crash(&mut self) -> Result<(), Finding> {
        let restored = Exchange::restore(&self.snapshot.bytes);
        let Ok(restored) = restored else { return Err(Finding::Snapshot) };
        let recovered = self.replay(restored, self.snapshot.commands)?;
        if recovered.state_hash() != self.exchange.state_hash() {
            return Err(Finding::Replay { at: self.exchange.last_seq() });
        }
        self.tally.recoveries += 1;
        self.exchange = recovered;
        Ok(())
    }
}
