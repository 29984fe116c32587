//! A broker: brings two parties together off the book. Makers trade blocks, hedgers and providers futures for a reservation of theirs, and
//! now and then a seller and a buyer would rather deal without the clearing house.

use exchange::{
    Agreed, Agreement, BlockLeg, Command, Exchange, Series, SeriesState, SignedAgreement,
};
use instruments::{AccountId, Nanos, NanosSpan, ObligationId, Price, Qty, Side};

use super::{Participant, Request, minutes, trading};
use crate::seed::Stream;

/// What it has arranged is brought within this, or not at all.
const VALID_FOR: NanosSpan = minutes(30);

pub(crate) struct Broker {
    chance: Stream,
    arranged: u64,
    has_keys: bool,
}

impl Broker {
    pub(crate) const fn new(chance: Stream) -> Self {
        Self { chance, arranged: 0, has_keys: false }
    }

    /// One account of a role, if there is one.
    fn one_of(&mut self, venue: &Exchange, role: &str) -> Option<AccountId> {
        let of_role = |(account, record): (AccountId, &exchange::Account)| {
            record.name.starts_with(role).then_some(account)
        };
        let accounts: Vec<AccountId> = venue.accounts().filter_map(of_role).collect();
        self.pick(&accounts)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let count = u64::try_from(all.len()).ok().filter(|count| 0 < *count)?;
        let place = usize::try_from(self.chance.below(count)).ok()?;
        all.get(place).copied()
    }

    fn leg(&mut self, series: &Series, least: u64) -> BlockLeg {
        let mark = series.mark.ticks();
        let width = u64::try_from(mark / 20).unwrap_or(1).max(1);
        let side = if self.chance.chance(500_000) { Side::Buy } else { Side::Sell };
        BlockLeg {
            instrument: series.instrument.id,
            side,
            qty: Qty::from_lots(self.chance.between(least, 2 * least)),
            price: Price::from_ticks((mark + self.chance.around_zero(width)).max(1)),
        }
    }

    fn trades(&mut self, venue: &Exchange, now: Nanos) -> Option<Agreement> {
        let series: Vec<&Series> = trading(venue, now).collect();
        let first = self.pick(&series)?;
        let is_block = self.chance.chance(500_000);
        let roles = if is_block { ["maker", "maker"] } else { ["hedger", "provider"] };
        let [Some(one), Some(other)] = roles.map(|role| self.one_of(venue, role)) else {
            return None;
        };
        let mut legs = vec![self.leg(first, if is_block { 25 } else { 4 })];
        let second = self.pick(&series)?;
        if is_block && second.instrument.id != first.instrument.id {
            legs.push(self.leg(second, 25));
        }
        if !is_block {
            // The hedger is first, and buys.
            legs.iter_mut().for_each(|leg| leg.side = Side::Buy);
        }
        let reservation = (!is_block).then_some([7; 32]);
        Some(self.agreement([one, other], Agreed::Trades { legs, reservation }, now))
    }

    /// The parties of an obligation that has not begun.
    fn release(&mut self, venue: &Exchange, now: Nanos) -> Option<Agreement> {
        let is_ahead = |duty: &settlement::Obligation| {
            let series = venue.series_by_id(duty.instrument);
            let begins = series.filter(|series| series.state == SeriesState::Delivering);
            begins.is_some_and(|series| now < series.instrument.schedule.deliver_from)
        };
        let duties = venue.deliveries().map(|delivery| &delivery.obligation);
        let ahead: Vec<(ObligationId, [AccountId; 2])> = duties
            .filter(|duty| !duty.closed && is_ahead(duty))
            .map(|duty| (duty.id, [duty.seller, duty.buyer]))
            .collect();
        let (obligation, parties) = self.pick(&ahead)?;
        Some(self.agreement(parties, Agreed::Release { obligation }, now))
    }

    fn agreement(&mut self, parties: [AccountId; 2], agreed: Agreed, now: Nanos) -> Agreement {
        self.arranged += 1;
        Agreement { parties, agreed, nonce: self.arranged, valid_until: now + VALID_FOR }
    }
}

impl Participant for Broker {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        if !self.has_keys {
            let register =
                |(account, _)| Command::RegisterTradingKey { account, key: key(account) };
            wants.extend(venue.accounts().map(register).map(Request::from));
            self.has_keys = true;
        }
        let released = if self.chance.chance(100_000) { self.release(venue, now) } else { None };
        if let Some(agreement) = released.or_else(|| self.trades(venue, now)) {
            let account = agreement.parties[0];
            let signed = SignedAgreement {
                digest: [9; 32],
                signers: agreement.parties.map(key),
                signatures: [vec![1; 65], vec![2; 65]],
                agreement,
            };
            let command = Command::SubmitAgreement { account, signed: Box::new(signed) };
            // A resend does nothing: an agreement is taken once.
            if self.chance.chance(200_000) {
                wants.push(command.clone().into());
            }
            wants.push(command.into());
        }
        minutes(self.chance.between(40, 120))
    }
}

/// Each account's key is made of its number.
fn key(account: AccountId) -> [u8; 20] {
    [u8::try_from(account.0 % 251).unwrap_or(0); 20]
}
