//! The scripted trading: makers quote around the index, providers sell what they have, startups buy what they need.
//!
//! Everybody acts in turn and awaits the reply, over their own WebSocket. In each round one maker quotes best, sells a node to a startup
//! and buys one from a provider, so that makers end flat and providers end with what startups need.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::client::{Client, ClientError, Edit, NewOrder};
use api::venue::Venue;
use exchange::{Command, IndexPrint};
use instruments::{Instrument, MicroUsd, Price};
use rust_decimal::Decimal;

use super::cast::{Cast, Player};
use super::feed::Prints;
use super::listing::DemoSeries;
use super::narrator::Narrator;

/// Trading rounds; two trades each.
const ROUNDS: usize = 12;
/// Test money for everybody, in dollars.
const FAUCET_USD: u64 = 1_000_000;
/// Between two prints of the index: slow enough to read, fast enough for 48 of them before expiry.
const PACE: Duration = Duration::from_millis(300);
/// Between two prints once trading is over: less than a forty-eighth of the demo's day.
const HOLD: Duration = Duration::from_millis(100);

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

/// What the script is played on.
pub(super) struct Stage<'a> {
    pub(super) url: &'a str,
    pub(super) cast: &'a Cast,
    pub(super) venue: &'a Venue,
    pub(super) series: &'a DemoSeries,
    pub(super) narrator: &'a Narrator,
}

/// Runs the script.
pub(super) async fn trade(stage: &Stage<'_>, seed: u64, prints: &Prints) -> Result<()> {
    let Stage { url, cast, venue, series, narrator } = *stage;
    let floor = Floor::open(url, cast).await?;
    // Deliveries are in whole nodes, so trades are, too.
    let node = u64::from(series.future.node_size);
    let mut draw = Draw::new(seed);
    let startups = draw.seats(ROUNDS);
    let providers = draw.seats(ROUNDS);
    let every = prints.prints.len().div_ceil(ROUNDS).max(1);
    let mut value = prints.opening;
    let mut round = 0;
    for (step, print) in prints.prints.iter().enumerate() {
        let mut next = tokio::time::interval(PACE);
        next.tick().await;
        // Where the oracle withholds, makers go by what it last said.
        value = print.value.unwrap_or(value);
        venue.submit(Command::PublishIndex(print.clone())).await?;
        if step % every == 0 && round < ROUNDS {
            let (startup, provider) = (startups[round], providers[round]);
            let (best, nodes) = (draw.below(2), 1 + draw.below(3));
            let deal = Deal { best, startup, provider, value, lots: node * u64::try_from(nodes)? };
            floor.round(&series.future, &deal).await?;
            round += 1;
        }
        if step == every {
            floor.refusals(series, narrator).await?;
        }
        next.tick().await;
    }
    ensure!(round == ROUNDS, "too few prints to trade on: {round} of {ROUNDS} rounds");
    hold_index(stage, prints).await
}

/// Repeats the newest value until the last trade: the day that the series settles at is a quiet one, whatever the machine's pace.
async fn hold_index(stage: &Stage<'_>, prints: &Prints) -> Result<()> {
    let Some(last) = prints.prints.iter().rev().find(|print| print.value.is_some()) else {
        return Ok(());
    };
    let mut next = tokio::time::interval(HOLD);
    while stage.venue.now() < stage.series.future.schedule.last_trade_at {
        let print = IndexPrint { observed_at: stage.venue.now(), ..last.clone() };
        stage.venue.submit(Command::PublishIndex(print)).await?;
        next.tick().await;
    }
    Ok(())
}

/// Who deals in a round.
struct Deal {
    best: usize,
    startup: usize,
    provider: usize,
    value: MicroUsd,
    lots: u64,
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
                trader.client.faucet(FAUCET_USD).await.context(trader.name)?;
                seats.push(trader);
            }
        }
        Ok(floor)
    }

    /// Both makers quote, the best one deals on both sides, and both withdraw what is left.
    async fn round(&self, future: &Instrument, deal: &Deal) -> Result<()> {
        let name = &future.name;
        let middle = future.nearest_price(deal.value).ticks();
        let price = |ticks: i64| future.price_to_decimal(Price::from_ticks(ticks));
        let lots = deal.lots;
        let quote = |ticks| NewOrder::limit(name, lots, price(ticks)).post_only().label("quote");
        for (seat, maker) in self.makers.iter().enumerate() {
            let half_spread = if seat == deal.best { 2 } else { 4 };
            maker.client.buy(&quote(middle - half_spread)).await.context(maker.name)?;
            let ask = maker.client.sell(&quote(middle + half_spread + 1)).await;
            let order_id = ask.context(maker.name)?.order.order_id;
            // One tick better after a second thought: an amend.
            let better = Some(price(middle + half_spread).into());
            let edit = Edit { order_id, amount: Some(Decimal::from(lots).into()), price: better };
            maker.client.edit(&edit).await.context(maker.name)?;
        }
        let provider = &self.providers[deal.provider];
        let capacity = NewOrder::market(name, lots).label("capacity");
        provider.client.sell(&capacity).await.context(provider.name)?;
        let startup = &self.startups[deal.startup];
        let training = NewOrder::limit(name, lots, price(middle + 10)).label("training");
        startup.client.buy(&training.immediate_or_cancel()).await.context(startup.name)?;
        for maker in &self.makers {
            maker.client.cancel_all().await.context(maker.name)?;
        }
        Ok(())
    }

    /// What the rules refuse, each with its reason.
    async fn refusals(&self, series: &DemoSeries, narrator: &Narrator) -> Result<()> {
        let hedger = &self.startups[0];
        let future = &series.future;
        let near = future.price_to_decimal(future.reference);
        let node = u64::from(future.node_size);
        let off_tick = near + Decimal::new(5, 5);
        for (what, order) in [
            ("a spread order", NewOrder::limit(&series.spread, node, near)),
            ("an off-tick price", NewOrder::limit(&future.name, node, off_tick)),
            ("more than it can fund", NewOrder::limit(&future.name, 500_000, near)),
        ] {
            match hedger.client.buy(&order).await {
                Err(ClientError::Rpc { code, message, data }) => {
                    let refused = format!("{}: {what}: {code} {message} {data}", hedger.name);
                    narrator.say("refused", &refused);
                }
                Err(other) => return Err(other.into()),
                Ok(reply) => bail!("{what} was accepted: {reply:?}"),
            }
        }
        Ok(())
    }
}

impl Trader {
    async fn enter(url: &str, player: &Player) -> Result<Self> {
        // Whoever acts in turn and awaits each reply needs no notifications.
        let (client, _) = Client::connect(url).await?;
        let keys = &player.credential;
        client.auth(&keys.client_id, &keys.client_secret).await.context(player.name)?;
        Ok(Self { name: player.name, client })
    }
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

    /// Seats 0 and 1 in a drawn order; each has between five and seven twelfths of them.
    fn seats(&mut self, count: usize) -> Vec<usize> {
        let first = count * (5 + self.below(3)) / 12;
        let mut seats: Vec<usize> = (0..count).map(|at| usize::from(first <= at)).collect();
        for at in (1..seats.len()).rev() {
            let other = self.below(at + 1);
            seats.swap(at, other);
        }
        seats
    }
}
