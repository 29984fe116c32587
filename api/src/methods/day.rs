//! What series did in the last 24 hours, and what they were delivered at.

use std::collections::BTreeMap;

use exchange::{Exchange, SeriesState};
use instruments::{Date, Instrument, MicroUsd, Product, Right};

use super::Answer;
use super::market_data::Count;
use crate::gateway::Gateway;
use crate::wire::{
    Number, Params, WireContractSize, WireDeliveryPrice, WireDeliveryPrices, WireStats,
    WireTradeVolumes, to_result,
};
use crate::{lower, raise};

/// A public question beside the market's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    TradeVolumes,
    DeliveryPrices,
    ContractSize,
}

pub(super) fn answer(gateway: &Gateway, method: Day, params: &Params) -> Answer {
    match method {
        Day::TradeVolumes => volumes(gateway, params),
        Day::DeliveryPrices => delivery_prices(gateway, params),
        Day::ContractSize => contract_size(gateway, params),
    }
}

/// A series' last 24 hours.
pub(crate) fn stats(gateway: &Gateway, terms: &Instrument) -> WireStats {
    let now = gateway.venue.now();
    raise::stats(gateway.venue.history().last_day(terms.id, now).as_ref(), terms)
}

/// What was traded of one currency, in lots.
#[derive(Default)]
struct Volumes {
    futures: u128,
    calls: u128,
    puts: u128,
    micros: i128,
}

fn volumes(gateway: &Gateway, params: &Params) -> Answer {
    params.flag("extended")?;
    let trading: Vec<Instrument> = {
        let exchange = gateway.venue.exchange();
        let trading = exchange.series().filter(|series| series.state == SeriesState::Trading);
        trading.map(|series| series.instrument.clone()).collect()
    };
    let (history, now) = (gateway.venue.history(), gateway.venue.now());
    let mut all: BTreeMap<String, Volumes> = BTreeMap::new();
    for terms in &trading {
        let of = all.entry(raise::root(terms).to_owned()).or_default();
        let Some(day) = history.last_day(terms.id, now) else { continue };
        let kind = match terms.product {
            Product::Future { .. } | Product::Spread { .. } => &mut of.futures,
            Product::Option { right: Right::Put, .. } => &mut of.puts,
            Product::Option { right: Right::Call, .. } | Product::Cap { .. } => &mut of.calls,
        };
        *kind = kind.saturating_add(u128::from(day.volume.lots()));
        of.micros = of.micros.saturating_add(raise::cost(&day, terms));
    }
    let rows: Vec<WireTradeVolumes> = all.into_iter().map(|(name, of)| of.raise(name)).collect();
    Ok(to_result(&rows))
}

impl Volumes {
    fn raise(self, currency: String) -> WireTradeVolumes {
        let lots = |lots: u128| Number(u64::try_from(lots).unwrap_or(u64::MAX).into());
        WireTradeVolumes {
            currency,
            futures_volume: lots(self.futures),
            calls_volume: lots(self.calls),
            puts_volume: lots(self.puts),
            spot_volume: Number::default(),
            volume_usd: MicroUsd::from_i128(self.micros).unwrap_or_default().into(),
        }
    }
}

fn delivery_prices(gateway: &Gateway, params: &Params) -> Answer {
    let (count, skip) = (Count::of(params)?.rows(), lower::offset(params)?);
    let exchange = gateway.venue.exchange();
    let grade = lower::index_grade(&exchange, params)?;
    let mut all = delivered(&exchange, &grade);
    drop(exchange);
    // Newest first, and of one day by name.
    all.sort_unstable_by(|a, b| (&b.date, &a.instrument_name).cmp(&(&a.date, &b.instrument_name)));
    let records_total = all.len();
    let data = all.into_iter().skip(skip).take(count).collect();
    Ok(to_result(&WireDeliveryPrices { data, records_total }))
}

fn delivered(exchange: &Exchange, grade: &instruments::GradeId) -> Vec<WireDeliveryPrice> {
    let of_grade = exchange.series().filter(|series| {
        let terms = &series.instrument;
        terms.grade == *grade && matches!(terms.product, Product::Future { .. })
    });
    let expired = of_grade.filter(|series| series.state != SeriesState::Trading);
    expired
        .filter_map(|series| {
            let terms = &series.instrument;
            let price = series.settlement_price?;
            Some(WireDeliveryPrice {
                date: raise::day_name(Date::of(terms.schedule.last_trade_at)),
                delivery_price: terms.price_to_decimal(price).into(),
                instrument_name: terms.name.clone(),
            })
        })
        .collect()
}

fn contract_size(gateway: &Gateway, params: &Params) -> Answer {
    let exchange = gateway.venue.exchange();
    let hours = lower::series(&exchange, params)?.instrument.hours_per_lot;
    drop(exchange);
    Ok(to_result(&WireContractSize { contract_size: Number(hours.into()) }))
}
