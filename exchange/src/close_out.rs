//! Closes what nobody takes over at the bankruptcy price: against the accounts on the other side, in proportion to what they hold.
//!
//! Variation has just been paid, so a future is worth nothing but what moves it from here: what its account has left. A premium is worth
//! its mark. Afterwards the account holds nothing that could be closed, and has nothing: what does not divide is the rounding bucket's.

use instruments::{AccountId, MicroUsd, Qty, Side};
use settlement::{Bucket, DefaultResolved, Reason, Split, SplitLine, cover, own_margin};

use crate::Exchange;
use crate::default_event::{DefaultEvent, MoveCause, SplitPurpose};
use crate::event::Event;
use crate::liquidate::Holding;
use crate::rehold::saturate;
use crate::run_variation::tell_split;

impl Exchange {
    /// LIQ-011: leaves the account with nothing.
    pub(crate) fn close_out(&mut self, account: AccountId, events: &mut Vec<Event>) {
        let holdings = self.closable(account);
        // What it is owed for premiums comes in first.
        let (bought, others): (Vec<Holding>, Vec<Holding>) = holdings
            .into_iter()
            .partition(|it| it.is_premium_style && it.closes_by() == Side::Sell);
        for it in &bought {
            self.close_against(account, it, MicroUsd::ZERO, events);
        }
        let owed = others.iter().filter(|it| it.is_premium_style);
        let owed = owed.fold(0_i128, |sum, it| sum.saturating_add(it.notional));
        let equity = i128::from(self.margin_usable(account).micros()).saturating_sub(owed);
        let equity = if equity < 0 { self.cover_rest(account, equity, events) } else { equity };
        self.tell_money(events);
        events.push(Event::Default(DefaultEvent::ClosedOut { account, equity: saturate(equity) }));
        let of_all = self.behind(account, &others, equity);
        for it in &others {
            let part = self.behind(account, std::slice::from_ref(it), equity);
            let out = settlement::close_out(saturate(equity), (part, of_all), it.lots().lots());
            self.close_against(account, it, out.per_lot, events);
        }
        if self.required(account).position == 0 {
            let left = self.margin_usable(account);
            let unpaid = self.ledger.pay(&own_margin(account), Bucket::Rounding, left);
            assert!(unpaid == MicroUsd::ZERO, "an account pays what it has");
            if left != MicroUsd::ZERO {
                events.push(Event::Default(DefaultEvent::RoundingKept { account, amount: left }));
            }
        }
        self.rehold(account);
    }

    /// What stands behind positions, to share the account's equity by: their maintenance, or what is owed for them where that is more than
    /// there is.
    fn behind(&self, account: AccountId, holdings: &[Holding], equity: i128) -> i128 {
        let of = |it: &Holding| {
            if 0 <= equity {
                return self.maintenance_in(account, it.instrument);
            }
            if it.is_premium_style { it.notional } else { 0 }
        };
        holdings.iter().fold(0, |sum: i128, it| sum.saturating_add(of(it)))
    }

    /// The layers of the waterfall pay what the account lacks, as far as they go. Returns what is still lacking, as a negative number.
    fn cover_rest(&mut self, account: AccountId, equity: i128, events: &mut Vec<Event>) -> i128 {
        self.tell_money(events);
        let lost = DefaultResolved::new(account, equity.saturating_neg(), MicroUsd::ZERO);
        let mut chain = self.ledger.chain();
        let covered = cover(&mut chain, &self.positions, vec![lost]);
        let paid = chain.balance(Bucket::Suspense);
        let moved =
            chain.because(Reason::Default).transfer(Bucket::Suspense, Bucket::Cash(account), paid);
        assert!(moved.is_ok(), "suspense pays what it holds");
        chain.commit();
        events.extend(
            covered.defaults.iter().copied().map(DefaultEvent::DefaultResolved).map(Event::Default),
        );
        tell_split(covered.shares.as_ref(), SplitPurpose::FundShares, events);
        events.push(Event::Default(DefaultEvent::LossCovered { account, paid }));
        self.tell_money(events);
        equity.saturating_add(i128::from(paid.micros()))
    }

    /// Closes one position against everyone on its other side, in proportion to what they hold. Each is paid for its lots what the premium
    /// is worth at the mark, and `per_lot` on top.
    fn close_against(
        &mut self,
        account: AccountId,
        holding: &Holding,
        per_lot: MicroUsd,
        events: &mut Vec<Event>,
    ) {
        let instrument = holding.instrument;
        let against: Vec<(AccountId, u128)> = self
            .positions
            .of_instrument(instrument)
            .filter_map(|(other, position)| {
                let lots = match holding.closes_by() {
                    Side::Buy => position.net.long(),
                    Side::Sell => position.net.short(),
                };
                (!lots.is_zero()).then_some((other, u128::from(lots.lots())))
            })
            .collect();
        let Some(split) = Split::new(holding.lots().lots(), &against) else { return };
        let purpose = SplitPurpose::CloseOut { instrument, account };
        tell_split(Some(&split), purpose, events);
        let lots = i128::from(holding.lots().lots()).max(1);
        let premium = if holding.is_premium_style { holding.notional } else { 0 };
        let premium = premium.checked_div(lots).unwrap_or(0);
        let pays = match holding.closes_by() {
            Side::Buy => premium.saturating_add(i128::from(per_lot.micros())),
            Side::Sell => i128::from(per_lot.micros()).saturating_sub(premium),
        };
        for SplitLine { account: other, part, .. } in split.lines.iter().filter(|it| 0 < it.part) {
            let due = pays.saturating_mul(i128::from(*part));
            let paid = self.pay_across(account, *other, due);
            events.push(Event::Default(DefaultEvent::CloseOutPaid {
                instrument,
                account,
                against: *other,
                amount: paid,
            }));
            let qty = Qty::from_lots(*part);
            let parties = (account, *other);
            self.move_position(parties, (holding, qty), MoveCause::CloseOut, events);
            self.rehold(*other);
        }
    }

    /// Pays from one account to another, or the other way where it is negative, as far as the payer's money goes. Returns what moved.
    fn pay_across(&mut self, account: AccountId, other: AccountId, due: i128) -> MicroUsd {
        let (from, to) = if 0 <= due { (account, other) } else { (other, account) };
        let amount = saturate(due.checked_abs().unwrap_or(i128::MAX));
        let mut ledger = self.ledger.because(Reason::Default);
        let paid = amount - ledger.pay(&own_margin(from), Bucket::Cash(to), amount);
        if 0 <= due { paid } else { -paid }
    }
}
