//! Margin over the wire: whoever has the published arrays gets the venue's own number, to the micro-dollar.

use std::collections::BTreeMap;

use api::client::{Client, NewOrder};
use exchange::{Command, OptionGreeks, OptionRisk};
use instruments::{Instrument, InstrumentId, NanosSpan, Ppm, Price, Product, Right};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, decimal, limit, refusal, terms};

const LATER: &str = "H100_USDC-17JAN27";
pub(crate) const CALL: &str = "H100_USDC-15JAN27-2d5-C";

/// Dollars of a reply as micro-dollars.
fn micros(value: &Value) -> i128 {
    let dollars = decimal(&value.to_string());
    (dollars * decimal("1000000")).normalize().to_string().parse().unwrap()
}

fn ppm(value: &Value) -> i128 {
    micros(value)
}

fn whole(value: &Value) -> i128 {
    value.as_i64().unwrap().into()
}

/// A share of an amount, rounded up.
fn rate_ceil(amount: i128, ppm: i128) -> i128 {
    let product = amount * ppm;
    product.div_euclid(1_000_000) + i128::from(product.rem_euclid(1_000_000) != 0)
}

/// Lots held, lots open to be bought, lots open to be sold.
type Lots = (i128, i128, i128);

/// Initial margin of positions, their maintenance margin, and what open orders add: from the reply of `public/get_risk_arrays` alone.
fn recompute(risk: &Value, lots: &BTreeMap<&str, Lots>) -> (i128, i128, i128) {
    let parameters = &risk["parameters"];
    let sum = |with_orders: bool| {
        let (mut lanes, mut minimum) = ([0_i128; 35], 0);
        // By expiry: delta held, and by how much orders may raise and lower it.
        let mut expiries: BTreeMap<&str, Lots> = BTreeMap::new();
        for series in risk["arrays"].as_array().unwrap() {
            let name = series["instrument_name"].as_str().unwrap();
            let Some((net, buys, sells)) = lots.get(name).copied() else { continue };
            let (buys, sells) = if with_orders { (buys, sells) } else { (0, 0) };
            let array: Vec<i128> = series["array"].as_array().unwrap().iter().map(whole).collect();
            for (lane, gain) in lanes.iter_mut().zip(&array) {
                *lane += net * gain + (buys * gain).min(0) + (-sells * gain).min(0);
            }
            let delta = array[35];
            let expiry = expiries.entry(series["expiry"].as_str().unwrap()).or_default();
            expiry.0 += net * delta;
            expiry.1 += (buys * delta).max(0) + (-sells * delta).max(0);
            expiry.2 += (sells * delta).max(0) + (-buys * delta).max(0);
            minimum += (sells - net).max(0) * whole(&series["short_option_minimum"]);
        }
        let scan = lanes.iter().map(|lane| -lane).max().unwrap().max(0);
        let of = |part: fn(&Lots) -> i128| expiries.values().map(part).sum::<i128>();
        let long = of(|(held, up, _)| (held + up).max(0));
        let short = of(|(held, _, down)| (down - held).max(0));
        let larger = |(held, up, down): &Lots| (held + up).max(down - held).max(0);
        let lone = expiries.values().filter(|expiry| larger(expiry) != 0).count() < 2;
        let offset: i128 = expiries.values().map(larger).sum();
        let offset = if lone { 0 } else { offset };
        let roll = rate_ceil((2 * long.min(short)).min(offset), ppm(&parameters["roll_rate"]));
        let net = of(|(held, up, _)| held + up).max(of(|(held, _, down)| down - held));
        let from = whole(&parameters["delta_contingency_from"]);
        let beyond = (net - from).max(0);
        let contingency = rate_ceil(beyond, ppm(&parameters["delta_contingency"]));
        (scan + roll + contingency).max(minimum)
    };
    let (held, with_orders) = (sum(false), sum(true));
    let maintenance = rate_ceil(held, ppm(&parameters["mm_factor"]));
    (held, maintenance, (with_orders - held).max(0))
}

pub(crate) fn option(underlying: InstrumentId) -> Instrument {
    let future = terms(SERIES);
    let last_trade_at = future.schedule.last_trade_at - NanosSpan::from_seconds(3_600);
    let schedule = instruments::Schedule { last_trade_at, ..future.schedule };
    let product =
        Product::Option { underlying, strike: Price::from_ticks(2_500), right: Right::Call };
    let reference = Price::from_ticks(100);
    Instrument { name: CALL.to_owned(), product, schedule, reference, ..future }
}

/// Numbers that follow no model: what is published is what counts.
pub(crate) fn risk_of(instrument: InstrumentId, mark: i64) -> OptionRisk {
    let mut array = [0; 36];
    for (lane, place) in array.iter_mut().zip(0_i64..) {
        *lane = (place - 13) * (place - 13) * 9_001 - 400_003 + place * 31_337;
    }
    array[35] = 33_333_333;
    let greeks = OptionGreeks { delta: 555_555, gamma: 10, vega: 2_000, theta: -70_000 };
    OptionRisk { instrument, mark: Price::from_ticks(mark), iv: Ppm::new(812_345), greeks, array }
}

/// A venue with two futures and a call, and two clients with money.
pub(crate) struct Desk {
    pub(crate) stand: Stand,
    pub(crate) maker: Client,
    pub(crate) client: Client,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let stand = Stand::open().await;
        let mut later = terms(LATER);
        later.schedule.last_trade_at = later.schedule.last_trade_at + NanosSpan::from_seconds(60);
        stand.list(later).await;
        let underlying = stand.venue.exchange().series_by_name(SERIES).unwrap().instrument.id;
        let call = stand.list(option(underlying)).await;
        stand.submit(Command::PublishRisk { risks: vec![risk_of(call, 100)] }).await;
        let (maker, _) = stand.trader(1_000_000).await;
        let (client, _) = stand.trader(1_000_000).await;
        Self { stand, maker, client }
    }

    /// The client trades so many lots, negative to sell.
    pub(crate) async fn trade(&self, series: &str, lots: i64, price: &str) {
        let order = NewOrder::limit(series, lots.unsigned_abs(), decimal(price));
        let (first, second) = (self.maker.clone(), self.client.clone());
        if 0 < lots {
            first.sell(&order).await.unwrap();
            second.buy(&order).await.unwrap();
        } else {
            first.buy(&order).await.unwrap();
            second.sell(&order).await.unwrap();
        }
    }

    async fn risk(&self) -> Value {
        self.client.call("public/get_risk_arrays", json!({"grade": "H100"})).await.unwrap()
    }

    async fn simulate(&self, positions: Value, adds: bool) -> Value {
        let params = json!({"simulated_positions": positions, "add_positions": adds});
        self.client.call("private/simulate_portfolio", params).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portfolio_is_recomputed_from_the_published_arrays_alone() {
    let desk = Desk::open().await;
    let model = json!({"margin_model": "segregated_pm"});
    let changed = desk.client.call("private/change_margin_model", model).await.unwrap();
    assert_eq!(changed[0]["old_state"]["margin_model"], json!("segregated_sm"));
    assert_eq!(changed[0]["new_state"]["margin_model"], json!("segregated_pm"));

    let mut lots: BTreeMap<&str, Lots> = BTreeMap::new();
    for (series, trade, price) in
        [(SERIES, 50, "2.5"), (LATER, -70, "2.5"), (CALL, -30, "0.1"), (SERIES, -7, "2.5")]
    {
        desk.trade(series, trade, price).await;
        lots.entry(series).or_default().0 += i128::from(trade);
        let risk = desk.risk().await;
        assert_eq!(risk["lanes"].as_array().unwrap().len(), 36);
        let (initial, maintenance, none) = recompute(&risk, &lots);
        assert_eq!(none, 0);
        let summary = desk.client.call("private/get_account_summary", json!({})).await.unwrap();
        assert_eq!(micros(&summary["initial_margin"]), initial, "{series}");
        assert_eq!(micros(&summary["maintenance_margin"]), maintenance, "{series}");
        assert_eq!(summary["margin_model"], json!("segregated_pm"));
        assert!(0 < initial);
    }

    // Open orders, however they may fill.
    for (series, buys, sells) in [(SERIES, 20_u64, 90_u64), (LATER, 11, 0), (CALL, 5, 40)] {
        let of = |lots, price: &str| NewOrder::limit(series, lots, decimal(price)).post_only();
        let (low, high) = if series == CALL { ("0.09", "0.11") } else { ("2.4", "2.6") };
        desk.client.buy(&of(buys, low)).await.unwrap();
        if 0 < sells {
            desk.client.sell(&of(sells, high)).await.unwrap();
        }
        let entry = lots.entry(series).or_default();
        (entry.1, entry.2) = (buys.into(), sells.into());
        let (initial, maintenance, orders) = recompute(&desk.risk().await, &lots);
        let now = desk.simulate(json!({}), true).await;
        let portfolio = &now["portfolios"][0];
        assert_eq!(micros(&portfolio["initial_margin"]), initial, "{series}");
        assert_eq!(micros(&portfolio["maintenance_margin"]), maintenance, "{series}");
        assert_eq!(micros(&portfolio["open_orders"]), orders, "{series}");
        assert!(0 < orders);
    }

    // Positions that nobody has yet, beside the own ones and instead of them.
    let wanted = json!({SERIES: -60, CALL: 12});
    let mut both = lots.clone();
    both.get_mut(SERIES).unwrap().0 -= 60;
    both.get_mut(CALL).unwrap().0 += 12;
    let mut alone = lots.clone();
    alone.values_mut().for_each(|lots| lots.0 = 0);
    alone.get_mut(SERIES).unwrap().0 = -60;
    alone.get_mut(CALL).unwrap().0 = 12;
    for (adds, lots) in [(true, &both), (false, &alone)] {
        let (initial, maintenance, orders) = recompute(&desk.risk().await, lots);
        let found = desk.simulate(wanted.clone(), adds).await;
        let portfolio = &found["portfolios"][0];
        assert_eq!(micros(&portfolio["initial_margin"]), initial);
        assert_eq!(micros(&portfolio["maintenance_margin"]), maintenance);
        assert_eq!(micros(&portfolio["open_orders"]), orders);
        assert_eq!(found["initial_margin"], found["segregated_pm"]["initial_margin"]);
    }
    assert!(desk.stand.venue.exchange().money_conserved());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_option_shows_its_volatility_greeks_and_underlying() {
    let desk = Desk::open().await;
    desk.trade(CALL, -30, "0.1").await;
    desk.client.buy(&NewOrder::limit(CALL, 1, decimal("0.05"))).await.unwrap();
    let ticker = json!({"instrument_name": CALL});
    let ticker = desk.client.call("public/ticker", ticker).await.unwrap();
    assert_eq!(ticker["mark_iv"], json!(81.2345));
    assert_eq!(ticker["greeks"]["delta"], json!(0.555555));
    assert_eq!(
        (&ticker["underlying_index"], &ticker["underlying_price"]),
        (&json!(SERIES), &json!(2.5))
    );
    assert!(ticker["bid_iv"].is_number(), "{ticker}");
    assert!(ticker.get("ask_iv").is_none());
    let future = json!({"instrument_name": SERIES});
    let future = desk.client.call("public/ticker", future).await.unwrap();
    assert!(future.get("greeks").is_none());

    let positions = json!({"kind": "option"});
    let positions = desk.client.call("private/get_positions", positions).await.unwrap();
    assert_eq!(positions[0]["delta"], json!(-399.9996), "30 lots of 24 hours");
    assert_eq!((&positions[0]["kind"], &positions[0]["size"]), (&json!("option"), &json!(-30)));
    let summary = desk.client.call("private/get_account_summary", json!({})).await.unwrap();
    assert_eq!(summary["options_value"], json!(-72));
    assert_eq!(summary["options_delta"], json!(-399.9996));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_order_would_hold_is_what_it_holds() {
    let desk = Desk::open().await;
    let ask = json!({"instrument_name": SERIES, "amount": 10, "price": 2.5});
    let margins = desk.client.call("private/get_margins", ask).await.unwrap();
    desk.client.buy(&limit(10, "2.5")).await.unwrap();
    let summary = desk.client.account_summary().await.unwrap();
    assert_eq!(margins["buy"].to_string(), summary.order_hold.to_string());
    assert_eq!((&margins["min_price"], &margins["max_price"]), (&json!(0.5), &json!(4.5)));
    // By scenarios, an option's buy counts with what it could lose, beside its premium.
    desk.client.cancel_all().await.unwrap();
    let model = json!({"margin_model": "segregated_pm"});
    desk.client.call("private/change_margin_model", model).await.unwrap();
    for (series, price) in [(SERIES, "2.5"), (CALL, "0.11")] {
        let ask = format!(r#"{{"instrument_name":"{series}","amount":10,"price":{price}}}"#);
        let margins: Value = desk.client.call_as("private/get_margins", &ask).await.unwrap();
        desk.client.buy(&NewOrder::limit(series, 10, decimal(price))).await.unwrap();
        let summary = desk.client.account_summary().await.unwrap();
        assert_eq!(margins["buy"].to_string(), summary.order_hold.to_string(), "{series}");
        desk.client.cancel_all().await.unwrap();
    }
    for (params, field) in [
        (json!({"instrument_name": SERIES, "price": 2.5}), "amount"),
        (json!({"instrument_name": SERIES, "amount": 1}), "price"),
        (json!({"instrument_name": SERIES, "amount": 1.5, "price": 2.5}), "amount"),
    ] {
        let refused = refusal(desk.client.call("private/get_margins", params).await);
        assert_eq!(refused.1, json!(field));
    }
}

/// MARGIN-030: what has no exact margin is refused by name and limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn margin_030_no_answer_has_a_number_that_is_none() {
    let desk = Desk::open().await;
    let mut dear = terms("H100_USDC-18JAN27");
    dear.hours_per_lot = 8_760;
    dear.reference = Price::from_ticks(900_000);
    desk.stand.list(dear).await;
    let positions = json!({"simulated_positions": {"H100_USDC-18JAN27": 1_000_000}});
    let refused = desk.client.call("private/simulate_portfolio", positions).await.unwrap_err();
    let said = format!("{refused:?}");
    assert!(said.contains("MARGIN-030") && said.contains("18014398509.48198"), "{said}");
    assert!(!said.contains("144115188075"), "{said}");
}

/// ORDER-002: a spread is no unknown series; it is not cleared, and every question about it says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spread_is_answered_alike_by_orders_and_by_questions() {
    let desk = Desk::open().await;
    let id = |name| desk.stand.venue.exchange().series_by_name(name).unwrap().instrument.id;
    let (near, far) = (id(SERIES), id(LATER));
    let name = "H100_USDC-FS-16JAN27_17JAN27";
    let product = Product::Spread { near, far };
    let reference = Price::from_ticks(1);
    desk.stand
        .list(Instrument { name: name.to_owned(), product, reference, ..terms(SERIES) })
        .await;
    for (method, params, field) in [
        (
            "private/buy",
            json!({"instrument_name": name, "amount": 1, "price": 2.5}),
            "instrument_name",
        ),
        (
            "private/get_margins",
            json!({"instrument_name": name, "amount": 1, "price": 2.5}),
            "instrument_name",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": {name: 1}}),
            "simulated_positions",
        ),
    ] {
        let error = desk.client.call(method, params).await.unwrap_err();
        assert!(format!("{error:?}").contains("ORDER-002"), "{method} {error:?}");
        let refused = refusal(Err::<Value, _>(error));
        assert_eq!((refused.0, refused.1), (10033, json!(field)), "{method}");
    }
}

/// API-004: in an object of a client's own keys, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_004_a_series_sent_twice_and_a_wrong_position_are_named() {
    let desk = Desk::open().await;
    for (positions, words) in [
        (format!(r#"{{"{SERIES}":1,"{SERIES}":-1}}"#), "is sent twice"),
        (format!(r#"{{"{SERIES}":1,"{LATER}":"2"}}"#), "must be a whole number of lots"),
        (format!(r#"{{"{LATER}":1.5}}"#), "must be a whole number of lots"),
        (r#"{"H9_USDC-17JAN27":1}"#.to_owned(), "no such series"),
    ] {
        let series = if words.contains("twice") { SERIES } else { LATER };
        let series = if words.contains("such") { "H9_USDC-17JAN27" } else { series };
        let params = format!(r#"{{"simulated_positions":{positions}}}"#);
        let error = desk.client.call_as::<Value>("private/simulate_portfolio", &params).await;
        let said = format!("{:?}", error.unwrap_err());
        assert!(said.contains(words) && said.contains(series), "{said}");
    }
}

/// CASH-005: a short cap is margined by itself, in both modes, from what the row of its series and the rates say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cash_005_the_margin_of_a_cap_is_recomputed_from_what_is_published() {
    const CAP: &str = "H100CAP_USDC-16JAN27-2d5-C";
    let desk = Desk::open().await;
    let (product, reference) =
        (Product::Cap { strike: Price::from_ticks(2_500) }, Price::from_ticks(100));
    desk.stand.list(Instrument { name: CAP.to_owned(), product, reference, ..terms(SERIES) }).await;
    let model = json!({"margin_model": "segregated_pm"});
    desk.client.call("private/change_margin_model", model).await.unwrap();
    desk.trade(CAP, -10, "0.1").await;
    let ask = json!({"instrument_name": CAP});
    let risk = desk.client.call("public/get_risk_arrays", ask).await.unwrap();
    let row = &risk["arrays"][0];
    assert_eq!((&row["instrument_name"], &row["array"]), (&json!(CAP), &Value::Null));
    let (under, strike) = (whole(&row["underlying_value"]), 2_500_000 * 24);
    assert_eq!(under, strike, "no index: the strike");
    let rates = &risk["rates"];
    let rate = |name: &str| ppm(&rates[name]);
    let out = (strike - under).max(0) * 1_000_000;
    let open = (rate("option_at_money") * under - out).max(rate("option_least") * under);
    let keep = rate("option_maintenance") * under;
    let now = desk.simulate(json!({}), true).await;
    let surcharge = &now["surcharge"];
    assert_eq!(micros(&surcharge["initial_margin"]), rate_ceil(10 * open, 1));
    assert_eq!(micros(&surcharge["maintenance_margin"]), rate_ceil(10 * keep, 1));
    assert_eq!(surcharge["initial_margin"], json!(150));
    let summary = desk.client.call("private/get_account_summary", json!({})).await.unwrap();
    assert_eq!(summary["options_value"], json!(-24), "10 lots of 24 hours at 0.10");
    let equity = |name: &str| decimal(&summary[name].to_string());
    assert_eq!(equity("equity"), equity("balance") + equity("options_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_about_margin_that_make_no_sense_are_refused_by_field() {
    let desk = Desk::open().await;
    let many: serde_json::Map<String, Value> =
        (0..257).map(|number| (format!("x{number}"), json!(1))).collect();
    for (method, params, code, field) in [
        ("public/get_risk_arrays", json!({}), -32602, "grade"),
        ("public/get_risk_arrays", json!({"grade": "H9000"}), 13020, "grade"),
        (
            "public/get_risk_arrays",
            json!({"grade": "H100", "instrument_name": SERIES}),
            11047,
            "grade",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": [1]}),
            -32602,
            "simulated_positions",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": {"x": 1}}),
            10020,
            "simulated_positions",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": {SERIES: 0.5}}),
            -32602,
            "simulated_positions",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": {SERIES: 1_000_001}}),
            -32602,
            "simulated_positions",
        ),
        (
            "private/simulate_portfolio",
            json!({"simulated_positions": many}),
            -32602,
            "simulated_positions",
        ),
        ("private/change_margin_model", json!({}), -32602, "margin_model"),
        ("private/change_margin_model", json!({"margin_model": "cross_pm"}), 10033, "margin_model"),
        (
            "private/change_margin_model",
            json!({"margin_model": "segregated_sm"}),
            11050,
            "margin_model",
        ),
    ] {
        let refused = refusal(desk.client.call(method, params.clone()).await);
        assert_eq!((refused.0, refused.1), (code, json!(field)), "{method} {params}");
    }
    let dry = json!({"margin_model": "segregated_pm", "dry_run": true});
    desk.client.call("private/change_margin_model", dry).await.unwrap();
    let summary = desk.client.account_summary().await.unwrap();
    assert_eq!(summary.margin_model, "segregated_sm");
}
