//! What the auditor has added up beside what the exchange says.

use super::*;

impl Auditor {
    /// Everything that was added up is what the exchange says.
    #[track_caller]
    pub(crate) fn compare(&self, exchange: &Exchange) {
        let balances = self.balances.iter().filter(|(_, balance)| **balance != 0);
        let balances: Vec<_> = balances.map(|(bucket, balance)| (*bucket, *balance)).collect();
        let ledger: Vec<_> =
            exchange.ledger().balances().map(|(bucket, money)| (bucket, micros(money))).collect();
        assert_eq!(balances, ledger, "balances");
        assert_eq!(self.fees, micros(exchange.ledger().balance(Bucket::Fees)), "fees");
        assert_eq!(self.last_transfer, exchange.ledger().last_transfer(), "transfers");

        let held = exchange
            .positions()
            .map(|(instrument, account, net)| ((instrument, account), i128::from(net.lots())));
        let held: BTreeMap<_, _> = held.filter(|(_, lots)| *lots != 0).collect();
        let mine = self.holdings.iter().filter(|(_, holding)| holding.lots != 0);
        let mine: BTreeMap<_, _> = mine.map(|(key, holding)| (*key, holding.lots)).collect();
        assert_eq!(mine, held, "positions");

        for series in exchange.series() {
            assert_eq!(self.marks[&series.instrument.id], series.mark, "marks");
        }
        self.compare_orders(exchange);
        self.compare_duties(exchange);
    }

    #[track_caller]
    pub(super) fn compare_orders(&self, exchange: &Exchange) {
        let accounts = exchange.accounts().map(|(account, _)| account);
        let open: usize =
            accounts.map(|account| exchange.open_orders_of(account, None).len()).sum();
        assert_eq!(self.orders.len(), open, "open orders");
        let mut open: BTreeMap<(InstrumentId, Side, Price), (u64, bool)> = BTreeMap::new();
        let mut reducing: BTreeMap<(InstrumentId, AccountId, Side), u64> = BTreeMap::new();
        for (id, order) in &self.orders {
            let record = exchange.open_order(*id).expect("an open order").record;
            assert_eq!((record.account, record.side), (order.account, order.side));
            assert_eq!((record.limit, record.qty.lots()), (order.limit, order.qty), "{id}");
            assert_eq!(record.filled.lots(), order.filled);
            assert_eq!(micros(record.reserve_per_lot), order.reserve_per_lot, "reserve of {id}");
            assert_eq!(record.waits, order.waits);
            if order.reduce_only {
                *reducing.entry((order.instrument, order.account, order.side)).or_default() +=
                    order.qty - order.filled;
            }
            if !order.waits {
                let level = open.entry((order.instrument, order.side, order.limit)).or_default();
                level.0 += order.qty - order.filled;
                level.1 |= order.display;
            }
        }
        self.compare_depth(exchange, &open);
        for ((instrument, account, side), lots) in reducing {
            let held = self.holdings.get(&(instrument, account)).map_or(0, |held| held.lots);
            let against = if side == Side::Sell { held } else { -held };
            assert!(i128::from(lots) <= against, "{lots} to reduce {against} of {account}");
        }
    }

    /// What the levels show is what rests there, or less where something is hidden.
    #[track_caller]
    pub(super) fn compare_depth(
        &self,
        exchange: &Exchange,
        open: &BTreeMap<(InstrumentId, Side, Price), (u64, bool)>,
    ) {
        assert!(self.depth.keys().eq(open.keys()), "levels: {:?} {open:?}", self.depth);
        for (level, (lots, hides)) in open {
            let shown = self.depth[level];
            assert!(shown == *lots || *hides && shown < *lots, "{shown} shown of {lots}");
            let book = exchange.book(level.0).expect("a book");
            assert_eq!(book.open_at(level.1, level.2).lots(), shown, "depth");
        }
    }

    #[track_caller]
    pub(super) fn compare_duties(&self, exchange: &Exchange) {
        assert_eq!(self.duties.len(), exchange.deliveries().count(), "obligations");
        let mut held: BTreeMap<Bucket, i128> = BTreeMap::new();
        let ledger = exchange.ledger();
        for (id, duty) in &self.duties {
            let keys = [HoldKey::Escrow(*id, duty.buyer), HoldKey::Bond(*id, duty.seller)];
            assert_eq!(keys.map(|key| micros(ledger.held(key))), [duty.escrow, duty.bond], "{id}");
            let obligation = &exchange.delivery(*id).expect("an obligation").obligation;
            assert_eq!(obligation.closed, duty.is_closed, "{id}");
            assert_eq!(
                (micros(obligation.escrow), micros(obligation.bond)),
                (duty.escrow, duty.bond)
            );
            *held.entry(Bucket::DeliveryEscrow(duty.buyer)).or_default() += duty.escrow;
            *held.entry(Bucket::Bond(duty.seller)).or_default() += duty.bond;
        }
        for ((_, account), bond) in &self.claims {
            *held.entry(Bucket::Bond(*account)).or_default() += bond;
        }
        for (account, stake) in self.stakes() {
            *held.entry(Bucket::Bond(account)).or_default() += stake;
        }
        for (account, _) in exchange.accounts() {
            for bucket in [Bucket::DeliveryEscrow(account), Bucket::Bond(account)] {
                let sum = held.get(&bucket).copied().unwrap_or(0);
                assert_eq!(sum, micros(exchange.ledger().balance(bucket)), "{bucket:?}");
            }
        }
    }
}
