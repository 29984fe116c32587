//! Read-only questions about margin: arrays, portfolios that do not exist yet, what an order would hold.

use std::collections::BTreeMap;

use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, NetQty, Price, Product, Qty, Side,
};
use settlement::{Leg, OpenOrders, Requirement, RiskArray, RiskComponents};

use crate::Exchange;
use crate::funds::Exposure;
use crate::margins::{MarginMode, Margins};
use crate::mark::is_published_good;
use crate::publish_risk::OptionRisk;

/// What an account would require with other positions, in both modes, its open orders included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulated {
    /// Series by series: the sum of the standard margins.
    pub standard: Requirement,
    /// By grade: the portfolios' margin, in parts.
    pub portfolios: Vec<(GradeId, RiskComponents)>,
    /// What size, open interest and the delivery ladder add to the portfolios, with the orders' reserves.
    pub surcharge: Requirement,
}

/// What an order would hold if its account had nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderMargins {
    /// A buy.
    pub buy: MicroUsd,
    /// A sell.
    pub sell: MicroUsd,
}

fn sum(total: Requirement, part: &Requirement) -> Option<Requirement> {
    Some(Requirement {
        position: total.position.checked_add(part.position)?,
        orders: total.orders.checked_add(part.orders)?,
        maintenance: total.maintenance.checked_add(part.maintenance)?,
    })
}

impl Exchange {
    /// The terms of margin: by grade, with what can be delivered, and what was published of options.
    #[must_use]
    pub fn margins(&self) -> &Margins {
        &self.margins
    }

    /// The array of a series: computed from the mark for a future, published for an option. `None` when there is none.
    #[must_use]
    pub fn risk_array(&self, instrument: InstrumentId) -> Option<RiskArray> {
        self.array_of(self.series.get(&instrument)?)
    }

    /// What a lot of a cap would be worth at the index, or at its strike while there is none: what its margin is a share of.
    #[must_use]
    pub fn cap_underlying(&self, terms: &Instrument) -> Option<MicroUsd> {
        let Product::Cap { strike } = terms.product else { return None };
        terms.notional(self.underlying_price(terms).unwrap_or(strike), Qty::from_lots(1))
    }

    /// What was published of an option last; OPTION-020: nothing once that is too old.
    #[must_use]
    pub fn option_risk(&self, instrument: InstrumentId) -> Option<&OptionRisk> {
        let series = self.series.get(&instrument)?;
        let is_good = is_published_good(series, self.now);
        self.margins.options.get(&instrument).filter(|_| is_good)
    }

    /// What the account would require with so many more lots of each series. `None` when that is beyond the ledger's range, or a series is
    /// not listed.
    #[must_use]
    pub fn simulate(
        &self,
        account: AccountId,
        added: &[(InstrumentId, NetQty)],
    ) -> Option<Simulated> {
        let mut nets: BTreeMap<InstrumentId, i64> = BTreeMap::new();
        for instrument in self.stakes_of(account) {
            nets.insert(instrument, self.net(instrument, account).lots());
        }
        for (instrument, more) in added {
            let net = nets.entry(*instrument).or_default();
            *net = net.checked_add(more.lots())?;
        }
        let mut found = Simulated::default();
        let mut legs = BTreeMap::new();
        for (instrument, net) in nets {
            let series = self.series.get(&instrument)?;
            let open = self.open_orders_in(account, instrument);
            let net = NetQty::from_lots(net);
            let of = |mode| self.required_in(series, mode, net, &open);
            found.standard = sum(found.standard, &of(MarginMode::Standard)?)?;
            found.surcharge = sum(found.surcharge, &of(MarginMode::Portfolio)?)?;
            legs.insert(instrument, Leg::new(net, open.buys, open.sells));
        }
        let portfolios = self.margins.risk.simulate(&legs).into_iter();
        let named = portfolios.filter_map(|(grade, parts)| {
            let place = usize::try_from(grade).ok()?;
            Some((self.margins.grades.get(place)?.grade.clone(), parts))
        });
        found.portfolios = named.collect();
        Some(found)
    }

    /// What an order of `qty` lots at `price` would hold in the account's mode, if the account had nothing else: margin, and what it could
    /// lose against the mark with the fee.
    #[must_use]
    pub fn margins_of_order(
        &self,
        (account, instrument): (AccountId, InstrumentId),
        qty: Qty,
        price: Price,
    ) -> Option<OrderMargins> {
        let series = self.series.get(&instrument)?;
        let mode = self.margin_mode(account);
        let of = |side: Side| {
            let order = Exposure { account, instrument, side, qty, limit: price, held_at: price };
            let per_lot = self.reserve_per_lot(&series.instrument, &order, series.mark)?;
            let reserve = i128::from(per_lot.micros()).checked_mul(i128::from(qty.lots()))?;
            let reserve = MicroUsd::from_i128(reserve)?;
            let (buys, sells) = match side {
                Side::Buy => (qty, Qty::ZERO),
                Side::Sell => (Qty::ZERO, qty),
            };
            let open = OpenOrders { buys, sells, reserve };
            let part = self.required_in(series, mode, NetQty::ZERO, &open)?;
            if mode == MarginMode::Standard || !self.has_leg(instrument) {
                return Some(part.orders);
            }
            let leg = Leg::new(NetQty::ZERO, open.buys, open.sells);
            let portfolios = self.margins.risk.simulate(&BTreeMap::from([(instrument, leg)]));
            let exact = portfolios.values().filter(|parts| !parts.is_beyond());
            let [portfolio] = exact.collect::<Vec<_>>()[..] else { return None };
            part.orders.checked_add(portfolio.total())
        };
        Some(OrderMargins { buy: of(Side::Buy)?, sell: of(Side::Sell)? })
    }
}
