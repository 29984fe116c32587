//! The scripted trading: makers quote around the index, providers sell what they have, startups buy what they need.
//!
//! Everybody acts in turn and awaits the reply, over their own WebSocket. In each round one maker quotes best, sells a node to a startup
//! and buys one from a provider, so that makers end flat and providers end with what startups need.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::client::{Client, ClientError};
use api::venue::Venue;
use exchange::Command;
use instruments::{Instrument, MicroUsd, Price};
use serde_json::{Value, json};

use super::cast::{Cast, Player};
use super::feed::Prints;
use super::listing::DemoSeries;
use super::narrator::Narrator;

/// One node of eight GPUs: what every trade is for.
const NODE: u64 = 8;
/// Trading rounds; two trades each.
const ROUNDS: usize = 12;
/// Test money for everybody, in dollars.
const FAUCET_USD: u64 = 1_000_000;
/// Between two prints of the index: slow enough to read, fast enough for 48 of them before expiry.
const PACE: Duration = Duration::from_millis(300);

/// Everybody who trades, connected.
struct Floor {
    makers: Vec<Trader>,
    startups: Vec<Trader>,
    providers: Vec<Trader>,
}

struct Trader {
    name: &'static str,
    client: Client,
}

/// Runs the script.
pub(super) async fn trade(
    url: &str,
    cast: &Cast,
    venue: &Venue,
    series: &DemoSeries,
    (seed, prints): (u64, Prints),
    narrator: &Narrator,
) -> Result<()> {
    let floor = Floor::open(url, cast).await?;
    let mut draw = Draw::new(seed);
    let startups = draw.shuffled_pairs(ROUNDS);
    let providers = draw.shuffled_pairs(ROUNDS);
    let every = prints.iter().count().div_ceil(ROUNDS).max(1);
    let mut round = 0;
    for (step, print) in prints.iter().enumerate() {
        let mut next = tokio::time::interval(PACE);
        next.tick().await;
        let value = print.value;
        venue.submit(Command::PublishIndex(print.clone())).await?;
        if let Some(value) = value
            && step % every == 0
            && round < ROUNDS
        {
            let best = draw.below(2);
            let deal = Deal { best, startup: startups[round], provider: providers[round], value };
            floor.round(&series.future, &deal).await?;
            round += 1;
        }
        if step == every {
            floor.refusals(series, narrator).await?;
        }
        next.tick().await;
    }
    ensure!(round == ROUNDS, "the index was withheld too often to trade: {round} of {ROUNDS} rounds");
    floor.leave().await
}

/// Who deals in a round.
struct Deal {
    best: usize,
    startup: usize,
    provider: usize,
    value: MicroUsd,
}

impl Floor {
    async fn open(url: &str, cast: &Cast) -> Result<Self> {
        let mut floor = Self { makers: Vec::new(), startups: Vec::new(), providers: Vec::new() };
        for (players, seats) in [
            (&cast.makers, &mut floor.makers),
            (&cast.startups, &mut floor.startups),
            (&cast.providers, &mut floor.providers),
        ] {
            for player in players {
                let trader = Trader::enter(url, player).await?;
                trader.call("private/faucet", json!({ "amount": FAUCET_USD })).await?;
                seats.push(trader);
            }
        }
        Ok(floor)
    }

    /// Both makers quote, the best one deals on both sides, and both withdraw what is left.
    async fn round(&self, future: &Instrument, deal: &Deal) -> Result<()> {
        let middle = future.nearest_price(deal.value).ticks();
        for (seat, maker) in self.makers.iter().enumerate() {
            let half_spread = if seat == deal.best { 2 } else { 4 };
            maker.quote(future, "private/buy", middle - half_spread).await?;
            let ask = maker.quote(future, "private/sell", middle + half_spread + 1).await?;
            // One tick better after a second thought: an amend.
            let order = ask["order"]["order_id"].as_str().context("an order without an id")?;
            let price = price(future, middle + half_spread)?;
            let edit = json!({ "order_id": order, "amount": NODE, "price": price });
            maker.call("private/edit", edit).await?;
        }
        let name = &future.name;
        let sell = json!({
            "instrument_name": name, "amount": NODE, "type": "market", "label": "capacity",
        });
        self.providers[deal.provider].call("private/sell", sell).await?;
        let limit = price(future, middle + 10)?;
        let buy = json!({
            "instrument_name": name, "amount": NODE, "type": "limit", "price": limit,
            "time_in_force": "immediate_or_cancel", "label": "training",
        });
        self.startups[deal.startup].call("private/buy", buy).await?;
        for maker in &self.makers {
            maker.call("private/cancel_all", json!({})).await?;
        }
        Ok(())
    }

    /// What the rules refuse, each with its reason.
    async fn refusals(&self, series: &DemoSeries, narrator: &Narrator) -> Result<()> {
        let hedger = &self.startups[0];
        let future = &series.future.name;
        let limit = |name: &str, price: Value, amount: u64| {
            json!({ "instrument_name": name, "amount": amount, "type": "limit", "price": price })
        };
        let near = price(&series.future, series.future.reference.ticks())?;
        let off_tick: Value = serde_json::from_str("2.00005")?;
        for (what, order) in [
            ("an option order", limit(&series.option, near.clone(), NODE)),
            ("a spread order", limit(&series.spread, near.clone(), NODE)),
            ("an off-tick price", limit(future, off_tick, NODE)),
            ("more than it can fund", limit(future, near, 500_000)),
        ] {
            match hedger.client.call("private/buy", order).await {
                Err(ClientError::Rpc { code, message, data }) => {
                    let data = data.map_or_else(String::new, |data| format!(" {data}"));
                    let refused = format!("{}: {what}: {code} {message}{data}", hedger.name);
                    narrator.say("refused", &refused);
                }
                Err(other) => return Err(other.into()),
                Ok(reply) => anyhow::bail!("{what} was accepted: {reply}"),
            }
        }
        Ok(())
    }

    async fn leave(self) -> Result<()> {
        for trader in self.makers.into_iter().chain(self.startups).chain(self.providers) {
            trader.client.close().await?;
        }
        Ok(())
    }
}

impl Trader {
    async fn enter(url: &str, player: &Player) -> Result<Self> {
        let client = Client::connect(url).await?;
        let keys = &player.credential;
        client.authenticate(&keys.client_id, &keys.client_secret).await?;
        Ok(Self { name: player.name, client })
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let reply = self.client.call(method, params).await;
        reply.with_context(|| format!("{}: {method}", self.name))
    }

    async fn quote(&self, future: &Instrument, method: &str, ticks: i64) -> Result<Value> {
        let price = price(future, ticks)?;
        let order = json!({
            "instrument_name": future.name, "amount": NODE, "type": "limit", "price": price,
            "post_only": true, "label": "quote",
        });
        self.call(method, order).await
    }
}

/// A price as a JSON number, from its decimal text.
fn price(future: &Instrument, ticks: i64) -> Result<Value> {
    let decimal = future.price_to_decimal(Price::from_ticks(ticks));
    Ok(serde_json::from_str(&decimal.to_string())?)
}

/// Seeded draws: a splitmix64 sequence.
struct Draw(u64);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// Seats 0 and 1 in a drawn order: seven twelfths of them 0, the rest 1.
    fn shuffled_pairs(&mut self, count: usize) -> Vec<usize> {
        let first = count * 7 / 12;
        let mut seats: Vec<usize> = (0..count).map(|at| usize::from(first <= at)).collect();
        for at in (1..seats.len()).rev() {
            let other = self.below(at + 1);
            seats.swap(at, other);
        }
        seats
    }
}
