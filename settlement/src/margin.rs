//! Standard margin: a rate of what the worst side is worth at the mark, series by series.
//!
//! Rates rise with what compute is: an account that holds much of what can be delivered pays a slope, everybody pays more when the open
//! interest approaches what can be delivered, and before delivery a ladder leads to the whole. What they add to the plain rates is the
//! *surcharge*, which portfolio margin charges too.
//!
//! Pure arithmetic: whether an account has the money is the caller's question to the ledger. An option's margin stands beside its value:
//! what is written down here is what must be there beyond the money that it would take to close the position at the mark.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_ceil;
use instruments::{Instrument, MicroUsd, NetQty, Ppm, Price, Qty, Right};

use crate::risk::RiskClass;

/// Steps of the delivery ladder.
pub const LADDER_STEPS: u8 = 5;

/// How much of a position's value must be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarginRates {
    /// To open it.
    pub initial: Ppm,
    /// To keep it.
    pub maintenance: Ppm,
    /// What both rise by for a position of all that can be delivered; in proportion for less.
    pub size_slope: Ppm,
    /// The share of what can be delivered from which open interest raises the initial rate.
    pub scale_from: Ppm,
    /// The share at which the initial rate is the whole.
    pub scale_to: Ppm,
    /// For short options.
    pub option: OptionRates,
    /// What a seller must have at the end of the ladder.
    pub deliver_sell: Ppm,
    /// What a buyer must have at the end of the ladder.
    pub deliver_buy: Ppm,
    /// How much of that at each step.
    pub ladder: [Ppm; 5],
    /// The largest share of what can be delivered that one account may hold in a series that is about to be delivered.
    pub spot_limit: Ppm,
    /// What a quote holds.
    pub quote: Ppm,
}

/// How much of its underlying's value a short option costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OptionRates {
    /// To open it at the money; what it is out of the money is taken off.
    pub at_money: Ppm,
    /// To open it at least.
    pub least: Ppm,
    /// To keep it.
    pub maintenance: Ppm,
}

const LADDER: [Ppm; 5] =
    [Ppm::new(100_000), Ppm::new(250_000), Ppm::new(450_000), Ppm::new(700_000), Ppm::ONE];

impl MarginRates {
    /// 20 % and 12.5 %: four to five days of a bad month at the volatilities compute has shown.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            initial: Ppm::new(200_000),
            maintenance: Ppm::new(125_000),
            size_slope: Ppm::ONE,
            scale_from: Ppm::new(250_000),
            scale_to: Ppm::new(750_000),
            option: OptionRates {
                at_money: Ppm::new(250_000),
                least: Ppm::new(150_000),
                maintenance: Ppm::new(100_000),
            },
            deliver_sell: Ppm::new(400_000),
            deliver_buy: Ppm::ONE,
            ladder: LADDER,
            spot_limit: Ppm::new(250_000),
            quote: Ppm::new(20_000),
        }
    }

    /// The same for a grade whose price is less well known.
    #[must_use]
    pub const fn thin() -> Self {
        Self {
            initial: Ppm::new(300_000),
            maintenance: Ppm::new(200_000),
            size_slope: Ppm::new(2_000_000),
            scale_from: Ppm::new(150_000),
            scale_to: Ppm::new(500_000),
            option: OptionRates {
                at_money: Ppm::new(400_000),
                least: Ppm::new(300_000),
                maintenance: Ppm::new(200_000),
            },
            deliver_sell: Ppm::new(600_000),
            spot_limit: Ppm::new(150_000),
            quote: Ppm::new(40_000),
            ..Self::standard()
        }
    }

    /// What a class begins with.
    #[must_use]
    pub const fn of(class: RiskClass) -> Self {
        match class {
            RiskClass::Liquid => Self::standard(),
            RiskClass::Thin => Self::thin(),
        }
    }

    /// How far between the two shares an open interest lies, rounded up. Nothing where nothing is registered.
    #[must_use]
    pub fn scale(&self, open_interest: Qty, deliverable: Qty) -> Ppm {
        let whole = i128::from(deliverable.lots());
        let span = i128::from(self.scale_to.ppm()).saturating_sub(self.scale_from.ppm().into());
        if whole == 0 || span <= 0 {
            return Ppm::ZERO;
        }
        let one = i128::from(Ppm::ONE.ppm());
        let from = whole.saturating_mul(self.scale_from.ppm().into());
        let above = i128::from(open_interest.lots()).saturating_mul(one).saturating_sub(from);
        let share = div_ceil(above.saturating_mul(one), span.saturating_mul(whole));
        ppm(share.clamp(0, one))
    }

    /// The most lots that one account may hold of a series that is about to be delivered. `None` where nothing is registered.
    #[must_use]
    pub fn spot_limit(&self, deliverable: Qty) -> Option<Qty> {
        let share = u128::try_from(self.spot_limit.ppm()).unwrap_or(0);
        let lots = u128::from(deliverable.lots()).saturating_mul(share).checked_div(1_000_000)?;
        let limit = Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX));
        (!deliverable.is_zero()).then_some(limit)
    }
}

/// What physics says of a series: how much can be delivered, how much of it is sold already, how soon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Lots that could be delivered; zero while nobody has registered any.
    pub deliverable: Qty,
    /// How far the initial rate is on its way to the whole.
    pub scale: Ppm,
    /// The step of the delivery ladder, 1 to 5; 0 before it.
    pub step: u8,
}

/// An account's open orders in one series, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenOrders {
    /// Lots of all buy orders.
    pub buys: Qty,
    /// Lots of all sell orders.
    pub sells: Qty,
    /// What fills at the limits would lose against the mark at acceptance, with the taker fee.
    pub reserve: MicroUsd,
}

/// What must be held for a position and its open orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Requirement {
    /// For the position.
    pub position: MicroUsd,
    /// For the open orders beyond it, reserves included.
    pub orders: MicroUsd,
    /// Below this equity the account is liquidated.
    pub maintenance: MicroUsd,
}

/// One side of a series: so many lots, if its orders fill.
#[derive(Clone, Copy)]
struct Held {
    lots: i128,
    is_long: bool,
}

/// What must be held in a future. `None` when it does not fit into the ledger.
///
/// The position counts with the larger of two sides: all buys filled, or all sells filled. So an order that can only reduce a position
/// needs nothing.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "a position under its terms is these six facts")]
pub fn requirement(
    instrument: &Instrument,
    rates: &MarginRates,
    conditions: &Conditions,
    net: NetQty,
    open: &OpenOrders,
    mark: Price,
) -> Option<Requirement> {
    let value = instrument.notional(mark, Qty::from_lots(1))?;
    let amount = |held: Held| rate_of(initial_rate(rates, conditions, held), value, held.lots);
    let [held, if_bought, if_sold] = sides(net, open)?;
    let position = amount(held)?;
    let with_orders = amount(if_bought)?.max(amount(if_sold)?);
    Some(Requirement {
        position,
        orders: (with_orders - position).checked_add(open.reserve)?,
        maintenance: rate_of(maintenance_rate(rates, conditions, held), value, held.lots)?,
    })
}

/// What size, open interest and the ladder add to the plain rates. Portfolio margin charges it beside the scenarios, because no hedge in
/// another series delivers this one.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "a position under its terms is these six facts")]
pub fn surcharge(
    instrument: &Instrument,
    rates: &MarginRates,
    conditions: &Conditions,
    net: NetQty,
    open: &OpenOrders,
    mark: Price,
) -> Option<Requirement> {
    let value = instrument.notional(mark, Qty::from_lots(1))?;
    let plain = Conditions::default();
    let more = |held: Held| {
        let with = rate_of(initial_rate(rates, conditions, held), value, held.lots)?;
        Some(with - rate_of(initial_rate(rates, &plain, held), value, held.lots)?)
    };
    let [held, if_bought, if_sold] = sides(net, open)?;
    let position = more(held)?;
    let maintenance = |of| rate_of(maintenance_rate(rates, of, held), value, held.lots);
    Some(Requirement {
        position,
        orders: more(if_bought)?.max(more(if_sold)?) - position,
        maintenance: maintenance(conditions)? - maintenance(&plain)?,
    })
}

/// The position, and the two that it may become.
fn sides(net: NetQty, open: &OpenOrders) -> Option<[Held; 3]> {
    let net = i128::from(net.lots());
    let if_bought = net.checked_add(i128::from(open.buys.lots()))?;
    let if_sold = i128::from(open.sells.lots()).checked_sub(net)?;
    Some([
        Held { lots: net.checked_abs()?, is_long: 0 <= net },
        Held { lots: if_bought.max(0), is_long: true },
        Held { lots: if_sold.max(0), is_long: false },
    ])
}

/// The initial rate of so many lots on a side, each step rounded up to a millionth.
fn initial_rate(rates: &MarginRates, conditions: &Conditions, held: Held) -> i128 {
    let one = i128::from(Ppm::ONE.ppm());
    let plain = i128::from(rates.initial.ppm()).saturating_add(slope(rates, conditions, held));
    let plain = plain.min(one.max(rates.initial.ppm().into()));
    let rest = one.saturating_sub(plain).max(0);
    let scaled = div_ceil(rest.saturating_mul(conditions.scale.ppm().into()), one);
    plain.saturating_add(scaled).max(ladder_rate(rates, conditions, held))
}

/// The maintenance rate: the slope counts, open interest does not, the ladder counts in the proportion of the two rates.
fn maintenance_rate(rates: &MarginRates, conditions: &Conditions, held: Held) -> i128 {
    let one = i128::from(Ppm::ONE.ppm());
    let (initial, maintenance) = (rates.initial.ppm(), rates.maintenance.ppm());
    let sloped = i128::from(maintenance).saturating_add(slope(rates, conditions, held));
    let sloped = sloped.min(one.max(maintenance.into()));
    let ladder = ladder_rate(rates, conditions, held).saturating_mul(maintenance.into());
    sloped.max(div_ceil(ladder, i128::from(initial).max(1)))
}

fn slope(rates: &MarginRates, conditions: &Conditions, held: Held) -> i128 {
    let deliverable = i128::from(conditions.deliverable.lots());
    if deliverable == 0 {
        return 0;
    }
    div_ceil(held.lots.saturating_mul(rates.size_slope.ppm().into()), deliverable)
}

fn ladder_rate(rates: &MarginRates, conditions: &Conditions, held: Held) -> i128 {
    let Some(place) = usize::from(conditions.step).checked_sub(1) else { return 0 };
    let step = rates.ladder.get(place).or(rates.ladder.last()).copied().unwrap_or(Ppm::ONE);
    let target = if held.is_long { rates.deliver_buy } else { rates.deliver_sell };
    let product = i128::from(step.ppm()).saturating_mul(target.ppm().into());
    div_ceil(product, i128::from(Ppm::ONE.ppm()))
}

/// One option at its mark, in micro-dollars a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionMark {
    /// Call or put.
    pub right: Right,
    /// What the underlying future is worth.
    pub future: MicroUsd,
    /// What it would be worth at the strike.
    pub strike: MicroUsd,
    /// What the option is worth.
    pub value: MicroUsd,
}

impl OptionMark {
    /// Millionths of a micro-dollar that one short lot must have beyond its value: to open it, and to keep it.
    fn margins(&self, rates: &OptionRates) -> Option<(i128, i128)> {
        let of = |rate: Ppm, money: MicroUsd| {
            i128::from(rate.ppm()).checked_mul(i128::from(money.micros()))
        };
        let out = match self.right {
            Right::Call => self.strike.micros().saturating_sub(self.future.micros()),
            Right::Put => self.future.micros().saturating_sub(self.strike.micros()),
        };
        let out = of(Ppm::ONE, MicroUsd::new(out.max(0)))?;
        let at_money = of(rates.at_money, self.future)?.checked_sub(out)?;
        let opened = at_money.max(of(rates.least, self.future)?);
        let kept = of(rates.maintenance, self.future)?;
        Some(match self.right {
            Right::Call => (opened, kept),
            // A put may be worth more than its future: what it is worth counts then.
            Right::Put => {
                let kept = kept.max(of(rates.maintenance, self.value)?);
                (opened.max(kept), kept)
            }
        })
    }
}

/// What must be held in an option beyond what it would cost to close it at the mark: nothing for what is held long, which is paid for.
///
/// A short call: `max(a F - out of the money, b F)` to open and `c F` to keep. A short put keeps `max(c F, c mark)`, and opens no cheaper.
/// The published formulas have `+ mark`; that part is the position's value, which is taken off the account's equity already.
#[must_use]
pub fn option_requirement(
    rates: &MarginRates,
    option: &OptionMark,
    net: NetQty,
    open: &OpenOrders,
) -> Option<Requirement> {
    let (opened, kept) = option.margins(&rates.option)?;
    let amount = |margin: i128, lots: i128| {
        MicroUsd::from_i128(div_ceil(margin.checked_mul(lots)?, i128::from(Ppm::ONE.ppm())))
    };
    let [_, _, if_sold] = sides(net, open)?;
    let short = i128::from(net.short().lots());
    let position = amount(opened, short)?;
    let with_orders = amount(opened, if_sold.lots)?;
    Some(Requirement {
        position,
        orders: (with_orders - position).checked_add(open.reserve)?,
        maintenance: amount(kept, short)?,
    })
}

/// What quotes of so many lots hold, whatever the account's other positions: a fixed rate of their value. The fills of a quote are bounded
/// by its account's protection, and only an account that has one may hold so little.
#[must_use]
pub fn quote_hold(
    instrument: &Instrument,
    rates: &MarginRates,
    mark: Price,
    qty: Qty,
) -> Option<MicroUsd> {
    let value = instrument.notional(mark, Qty::from_lots(1))?;
    rate_of(i128::from(rates.quote.ppm()), value, i128::from(qty.lots()))
}

/// Rounded up once, over the whole: two halves of a position never need less than the whole.
fn rate_of(rate: i128, per_lot: MicroUsd, lots: i128) -> Option<MicroUsd> {
    let value = i128::from(per_lot.micros()).checked_abs()?.checked_mul(lots)?;
    let product = value.checked_mul(rate)?;
    MicroUsd::from_i128(div_ceil(product, i128::from(Ppm::ONE.ppm())))
}

fn ppm(rate: i128) -> Ppm {
    Ppm::new(i64::try_from(rate).unwrap_or(i64::MAX))
}
