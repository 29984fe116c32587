//! From a `place` or `amend` line to what the engine is asked.

use instruments::{Nanos, Side};
use matching_engine::{
    Amend, NewOrder, OrderKind, PostOnly, PriceSource, StpMode, TimeInForce, Trigger, TriggerWhen,
};
use serde_json::Value;

use super::line::{AmendLine, PlaceLine, Text};
use super::tick::Tick;
use super::value::{Refused, choose, given, instant, lots, needed};

/// A new order as it was asked for, before its account and its token have numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Of account 0, without a token.
    pub(super) order: NewOrder,
    pub(super) is_reduce_only: bool,
    pub(super) valid_until: Option<Nanos>,
}

/// What a triggered order is for, which says which way its price has to go.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To get out of what goes wrong: a buy waits for a rise.
    Stop,
    /// To take a profit: a buy waits for a fall.
    Take,
}

impl PlaceLine {
    /// Reads every value, in the order in which refusals are given.
    pub(super) fn asked(&self, tick: Tick) -> Result<Asked, Refused> {
        let side = self.side.into();
        let (is_market, purpose) = self.shape()?;
        let kind = match (is_market, &self.price) {
            (true, None) => OrderKind::Market,
            (true, Some(_)) => return Err(Refused::Unsupported("price")),
            (false, None) => return Err(Refused::Missing("price")),
            (false, Some(text)) => OrderKind::Limit(tick.price(text.get(), "price")?),
        };
        let plain = NewOrder {
            account: instruments::AccountId(0),
            side,
            kind,
            qty: lots(&self.qty, "qty")?,
            time_in_force: self.time_in_force()?,
            post_only: self.post_only()?,
            stp: self.stp()?,
            stp_token: 0,
            display: None,
            trigger: None,
            ceiling: None,
        };
        let is_reduce_only = self.is_reduce_only()?;
        let ceiling = given(&self.ceiling).map(|text| tick.price(text.get(), "ceiling"));
        let order = NewOrder {
            display: given(&self.display).map(|text| lots(text, "display")).transpose()?,
            trigger: self.trigger(purpose, side, tick)?,
            ceiling: ceiling.transpose()?,
            ..plain
        };
        Ok(Asked { order, is_reduce_only, valid_until: until(&self.valid_until)? })
    }

    /// Whether it has no limit, and what it waits for.
    fn shape(&self) -> Result<(bool, Option<Purpose>), Refused> {
        // A stop or take-profit of no further name is a limit order iff it has a limit.
        let is_bare = given(&self.price).is_none();
        let words = [
            ("stop", (is_bare, Some(Purpose::Stop))),
            ("take_profit", (is_bare, Some(Purpose::Take))),
            ("limit", (false, None)),
            ("market", (true, None)),
            ("stop_limit", (false, Some(Purpose::Stop))),
            ("stop_market", (true, Some(Purpose::Stop))),
            ("take_limit", (false, Some(Purpose::Take))),
            ("take_market", (true, Some(Purpose::Take))),
        ];
        choose("type", self.kind.as_ref(), (false, None), &words)
    }

    fn time_in_force(&self) -> Result<TimeInForce, Refused> {
        // The instant of `GTD` is a field of its own.
        let words = [
            ("GTC", TimeInForce::Gtc),
            ("IOC", TimeInForce::Ioc),
            ("FOK", TimeInForce::Fok),
            ("GTD", TimeInForce::Gtd(Nanos::new(0))),
            ("GFA", TimeInForce::Gfa),
            ("GFN", TimeInForce::Gfn),
        ];
        let force = choose("tif", self.tif.as_ref(), TimeInForce::Gtc, &words)?;
        match (force, given(&self.expire_at)) {
            (TimeInForce::Gtd(_), None) => Err(Refused::Missing("expire_at")),
            (TimeInForce::Gtd(_), Some(at)) => instant(at, "expire_at").map(TimeInForce::Gtd),
            (force, None) => Ok(force),
            (_, Some(_)) => Err(Refused::Unsupported("expire_at")),
        }
    }

    fn post_only(&self) -> Result<PostOnly, Refused> {
        match &self.post_only {
            None | Some(Value::Bool(false)) => Ok(PostOnly::No),
            Some(Value::Bool(true)) => Ok(PostOnly::Reject),
            word => {
                let words = [("reject", PostOnly::Reject), ("slide", PostOnly::Slide)];
                choose("post_only", word.as_ref(), PostOnly::No, &words)
            }
        }
    }

    fn stp(&self) -> Result<StpMode, Refused> {
        let words = [
            ("none", StpMode::None),
            ("cancel_newest", StpMode::CancelNewest),
            ("cancel_oldest", StpMode::CancelOldest),
            ("cancel_both", StpMode::CancelBoth),
            ("decrement", StpMode::Decrement),
        ];
        choose("stp", self.stp.as_ref(), StpMode::None, &words)
    }

    /// The token's text: 7 and "7" are one token, and 0 is none.
    pub(super) fn stp_token(&self) -> Result<Option<String>, Refused> {
        match &self.stp_token {
            None | Some(Value::Bool(false)) => Ok(None),
            Some(Value::String(token)) => Ok(Some(token.clone()).filter(|token| token != "0")),
            Some(Value::Number(token)) if token.is_u64() => {
                Ok(Some(token.to_string()).filter(|token| token != "0"))
            }
            Some(_) => Err(Refused::Invalid("stp_token")),
        }
    }

    fn is_reduce_only(&self) -> Result<bool, Refused> {
        let flag = self.reduce_only.as_ref().map_or(Some(false), Value::as_bool);
        flag.ok_or(Refused::Unsupported("reduce_only"))
    }

    fn trigger(
        &self,
        purpose: Option<Purpose>,
        side: Side,
        tick: Tick,
    ) -> Result<Option<Trigger>, Refused> {
        let Some(purpose) = purpose else {
            return match (given(&self.trigger_price), &self.trigger) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(Refused::Unsupported("trigger_price")),
                (None, Some(_)) => Err(Refused::Unsupported("trigger")),
            };
        };
        let words = [
            ("last", PriceSource::Last),
            ("mark", PriceSource::Mark),
            ("index", PriceSource::Index),
        ];
        let source = choose("trigger", self.trigger.as_ref(), PriceSource::Last, &words)?;
        let price = needed(&self.trigger_price, "trigger_price")?;
        let price = tick.price(price.get(), "trigger_price")?;
        let when = match (purpose, side) {
            (Purpose::Stop, Side::Buy) | (Purpose::Take, Side::Sell) => TriggerWhen::Rises,
            (Purpose::Stop, Side::Sell) | (Purpose::Take, Side::Buy) => TriggerWhen::Falls,
        };
        Ok(Some(Trigger { source, when, price }))
    }
}

impl AmendLine {
    /// Reads every value, in the order in which refusals are given.
    pub(super) fn asked(&self, tick: Tick) -> Result<(Amend, Option<Nanos>), Refused> {
        let price = |text: &Text, field| {
            text.as_ref().map(|text| tick.price(text.get(), field)).transpose()
        };
        let amend = Amend {
            price: price(&self.price, "price")?,
            total: self.qty.as_ref().map(|text| lots(text, "qty")).transpose()?,
            trigger: price(&self.trigger_price, "trigger_price")?,
        };
        Ok((amend, until(&self.valid_until)?))
    }
}

fn until(text: &Text) -> Result<Option<Nanos>, Refused> {
    given(text).map(|text| instant(text, "valid_until")).transpose()
}
