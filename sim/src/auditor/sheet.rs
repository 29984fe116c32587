//! What must hold once a command has been read to its end.

use super::*;

impl Auditor {
    pub(super) fn check_sheet(&mut self, sheet: &Sheet, now: Nanos) -> Result<(), Finding> {
        if !sheet.blocks.is_empty() {
            return Err(Finding::Agreement { what: "is booked in part" });
        }
        sheet.check_no_cycle()?;
        self.money.check(&sheet.stated)?;
        self.check_transfers(&sheet.transfers)?;
        self.orders.check(&sheet.touched)?;
        self.check_prices(sheet, now)?;
        for instrument in &sheet.stopped {
            self.orders.check_none_in(*instrument)?;
        }
        for (account, limit) in &sheet.short_of_fees {
            if MicroUsd::ZERO < self.money.usable(*account) {
                return Err(Finding::Fee { fee: MicroUsd::ZERO, limit: *limit });
            }
        }
        for instrument in &sheet.traded_in {
            self.positions.check_sum(*instrument)?;
        }
        for instrument in sheet.varied.difference(&sheet.liquidated).chain(&sheet.day) {
            let (terms, price) = self.prices.settled(*instrument)?;
            self.positions.check_paid(&terms, price)?;
        }
        for instrument in &sheet.ended {
            self.positions.check_ended(*instrument)?;
        }
        check_assigned(&sheet.closed, &sheet.assigned)?;
        if sheet.has_delivery {
            self.deliveries.check(&self.money, self.claims.bonds())
        } else {
            Ok(())
        }
    }

    /// SIM-021, SIM-023: what must stop trading has stopped, and marks are what book, trades and index make them.
    pub(super) fn check_prices(&self, sheet: &Sheet, now: Nanos) -> Result<(), Finding> {
        let overdue = self.prices.overdue(now).into_values().next().filter(|_| sheet.is_tick);
        if let Some(due) = overdue {
            return Err(Finding::TimerStuck { due, at: now });
        }
        if let Some((instrument, mark)) = sheet.odd_marks.first_key_value() {
            let ours = sheet.expected.get(instrument).copied();
            return Err(Finding::Mark { instrument: *instrument, ours, theirs: *mark });
        }
        for (instrument, mark) in &sheet.expected {
            let (_, theirs) = self.prices.terms(*instrument)?;
            let mark = &self.prices.premium(*instrument).unwrap_or(*mark);
            let is_later = sheet.liquidated.contains(instrument);
            if theirs != *mark && !is_later && !sheet.stopped.contains(instrument) {
                let (instrument, ours) = (*instrument, Some(*mark));
                return Err(Finding::Mark { instrument, ours, theirs });
            }
        }
        Ok(())
    }

    /// SIM-024, SIM-050: a settlement price is made of what it says, and is what that gives.
    pub(super) fn read_settlement_price(
        &mut self,
        instrument: InstrumentId,
        (theirs, source): (Price, &SettlementSource),
        now: Nanos,
        sheet: &Sheet,
    ) -> Result<(), Finding> {
        let is_last = self.prices.overdue(now).contains_key(&instrument);
        let market = self.orders.market(instrument);
        let ours = match (sheet.cycle_due, self.variation) {
            _ if is_last => self.closing.get(&instrument).cloned(),
            (Some(at), Some((_, day))) => self.prices.day(instrument, &market, at, day),
            (None, _) | (_, None) => None,
        };
        if ours.as_ref().is_none_or(|(price, made_of)| *price != theirs || made_of != source) {
            let ours = ours.map(|(price, _)| price);
            return Err(Finding::SettlementPrice { instrument, ours, theirs });
        }
        self.prices.settle(instrument, theirs);
        Ok(())
    }

    /// SIM-012: for every account, what its orders and positions require is held as far as its money goes.
    pub(super) fn check_holds(&self) -> Result<(), Finding> {
        let open = self.orders.sums();
        let keys: BTreeSet<(AccountId, InstrumentId)> =
            self.positions.keys().chain(open.keys().copied()).collect();
        let mut required: BTreeMap<AccountId, Needs> = BTreeMap::new();
        for (account, instrument) in keys {
            let (terms, mark) = self.prices.terms(instrument)?;
            let sums = open.get(&(account, instrument)).copied().unwrap_or_default();
            let underlying = self.prices.underlying(&terms).or(terms.strike()).unwrap_or(mark);
            let prices = (mark, underlying);
            let part = self.positions.required(&terms, prices, (account, sums), &self.margins);
            required.entry(account).or_default().add(part);
        }
        required.retain(|account, _| !self.margins.is_by_portfolio(*account));
        for (account, required) in required {
            let held = [Bucket::PositionMargin(account), Bucket::OrderHold(account)];
            let targets = required.affordable(self.money.usable(account));
            for (bucket, required) in held.into_iter().zip(targets) {
                let held = self.money.balance(bucket);
                if held != required {
                    return Err(Finding::Hold { bucket, held, required });
                }
            }
        }
        Ok(())
    }

    /// SIM-028: transfers have no gaps, chains are of one command, and everyone says what it is for.
    pub(super) fn check_transfers(&mut self, transfers: &[Transfer]) -> Result<(), Finding> {
        let mut open = None;
        for transfer in transfers {
            let Transfer { id, chain, reason, .. } = *transfer;
            self.next_id("transfer", id.0)?;
            if chain != id && open != Some(chain) {
                return Err(Finding::OutOfChain { transfer: id, chain });
            }
            open = Some(chain);
            if reason == Reason::Unstated {
                return Err(Finding::WithoutReason { transfer: id });
            }
        }
        Ok(())
    }

    pub(super) fn later_id(&mut self, kind: &'static str, found: u64) -> Result<(), Finding> {
        let last = self.last_ids.insert(kind, found).unwrap_or(0);
        if last < found { Ok(()) } else { Err(Finding::IdOutOfOrder { kind, last, found }) }
    }

    pub(super) fn next_id(&mut self, kind: &'static str, found: u64) -> Result<(), Finding> {
        let last = self.last_ids.insert(kind, found).unwrap_or(0);
        if found == last + 1 { Ok(()) } else { Err(Finding::IdOutOfOrder { kind, last, found }) }
    }
}
