//! Mass quotes and protection a second time: one list of orders, one list of fills, everything looked for from the front.
//!
//! The model matches in price-time order, so all that is said can be compared, trades included.

use crate::quote_property::{Limits, Side, Step};

/// An order that rests.
#[derive(Debug, Clone)]
struct Order {
    number: usize,
    account: char,
    /// A quote's.
    group: Option<u32>,
    book: u64,
    is_buy: bool,
    price: i64,
    open: u64,
    filled: u64,
    /// When it came to its place.
    place: u64,
}

#[derive(Debug)]
pub(crate) struct Group {
    maker: char,
    number: u32,
    limits: Limits,
    /// Since the last trip or reset: when, lots, delta, vega, and whether a window begins with it.
    fills: Vec<(u64, u64, i64, i64, bool)>,
    /// Until when; never, when it has to be reset.
    frozen: Option<Option<u64>>,
    /// One of its quotes has traded in this command.
    has_traded: bool,
}

/// The whole venue.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) accepted: usize,
    places: u64,
    orders: Vec<Order>,
    groups: Vec<Group>,
    greeks: Vec<(u64, i64, i64)>,
    bands: Vec<(u64, i64, i64)>,
    pub(crate) said: String,
}

impl Model {
    fn say(&mut self, line: String) {
        self.said += &line;
        self.said.push('\n');
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match *step {
            Step::Protect { maker, group, limits } => match self.group(maker, group) {
                Some(group) => group.limits = limits,
                None => {
                    let (number, fills, frozen, has_traded) = (group, Vec::new(), None, false);
                    self.groups.push(Group { maker, number, limits, fills, frozen, has_traded });
                    self.groups.sort_by_key(|group| (group.maker, group.number));
                }
            },
            Step::Reset { maker, group } => {
                let group = self.group(maker, group).unwrap();
                (group.fills, group.frozen) = (Vec::new(), None);
            }
            Step::Pull { maker, group } => self.pull(maker, group, "user"),
            Step::Quote { maker, group, ref quotes } => self.mass_quote(maker, group, quotes),
            Step::Order { account, is_buy, price, lots, book } => {
                self.order(account, (book, is_buy), price, lots);
            }
            Step::Cancel(number) => match self.orders.iter().position(|o| o.number == number) {
                Some(at) => self.end(at, "user"),
                None => self.say(format!("0 #{number} refused: unknown_order")),
            },
            Step::At(at) => self.now = self.now.max(at),
            Step::Greeks { book, delta, vega } => self.greeks.push((book, delta, vega)),
            Step::Band { book, low, high } => self.bands.push((book, low, high)),
        }
    }

    pub(crate) fn group(&mut self, maker: char, number: u32) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.maker == maker && group.number == number)
    }

    fn end(&mut self, at: usize, reason: &str) {
        let Order { number, book, open, .. } = self.orders.remove(at);
        self.say(format!("{book} #{number} loses {open}: {reason}"));
    }

    fn pull(&mut self, maker: char, group: Option<u32>, reason: &str) {
        let mut quotes: Vec<_> =
            self.orders.iter().filter(|order| order.account == maker).collect();
        quotes.retain(|order| order.group.is_some() && group.is_none_or(|_| order.group == group));
        quotes.sort_by_key(|order| (order.group, order.book, !order.is_buy));
        for number in quotes.iter().map(|order| order.number).collect::<Vec<_>>() {
            let at = self.orders.iter().position(|order| order.number == number);
            self.end(at.unwrap(), reason);
        }
    }

    /// Whether an order at this price would take.
    fn would_take(&self, book: u64, is_buy: bool, price: i64) -> bool {
        self.orders
            .iter()
            .filter(|order| order.book == book && order.is_buy != is_buy)
            .any(|order| if is_buy { order.price <= price } else { price <= order.price })
    }

    fn refusal(&self, book: u64, is_buy: bool, price: i64) -> Option<&'static str> {
        let &(_, low, high) = self.bands.iter().rfind(|band| band.0 == book)?;
        match is_buy {
            true if high < price => Some("above_band"),
            false if price < low => Some("below_band"),
            _ => None,
        }
    }

    fn accept(&mut self, book: u64, price: i64) -> usize {
        self.accepted += 1;
        self.say(format!("{book} #{} accepted @ {price}", self.accepted));
        self.accepted
    }

    fn rest(&mut self, order: Order) {
        self.places += 1;
        self.orders.push(Order { place: self.places, ..order });
    }

    fn order(&mut self, account: char, (book, is_buy): (u64, bool), price: i64, lots: u64) {
        if let Some(reason) = self.refusal(book, is_buy, price) {
            return self.say(format!("{book} refused: {reason}"));
        }
        let number = self.accept(book, price);
        let mut open = lots;
        while open != 0 && self.would_take(book, is_buy, price) {
            let makers = 0..self.orders.len();
            let makers = makers
                .filter(|at| self.orders[*at].book == book && self.orders[*at].is_buy != is_buy);
            let best = makers.min_by_key(|at| {
                let Order { price, place, .. } = self.orders[*at];
                (if is_buy { price } else { -price }, place)
            });
            open -= self.trade(best.unwrap(), number, open);
        }
        if open != 0 {
            let (group, filled, place) = (None, lots - open, 0);
            self.rest(Order { number, account, group, book, is_buy, price, open, filled, place });
        }
        self.protect();
    }

    /// Trades with the order at `at`. Gives what traded.
    fn trade(&mut self, at: usize, taker: usize, wanted: u64) -> u64 {
        let maker = &mut self.orders[at];
        let lots = wanted.min(maker.open);
        maker.open -= lots;
        maker.filled += lots;
        let Order { number, account, group, book, is_buy, price, open, .. } = *maker;
        if open == 0 {
            self.orders.remove(at);
        }
        self.say(format!("{book} #{taker} takes {lots} from #{number} @ {price}"));
        if let Some(group) = group {
            let greeks = self.greeks.iter().rfind(|greeks| greeks.0 == book);
            let (delta, vega) = greeks.map_or((1_000_000, 0), |greeks| (greeks.1, greeks.2));
            let signed = i64::try_from(lots).unwrap() * if is_buy { 1 } else { -1 };
            let now = self.now;
            let group = self.group(account, group).unwrap();
            let begun = group.fills.iter().rfind(|fill| fill.4).map(|fill| fill.0);
            let begins = begun.is_none_or(|at| at != now && at + group.limits.window <= now);
            group.fills.push((now, lots, signed * delta, signed * vega, begins));
            group.has_traded = true;
        }
        lots
    }

    /// Pulls the groups whose fills since their window began are too many.
    fn protect(&mut self) {
        for at in 0..self.groups.len() {
            // Without a fill nothing trips, not even if the limits have become lower.
            if !std::mem::take(&mut self.groups[at].has_traded) {
                continue;
            }
            let Group { maker, number, limits, ref fills, .. } = self.groups[at];
            let begin = fills.iter().rposition(|fill| fill.4).unwrap();
            let window = &fills[begin..];
            let qty: u64 = window.iter().map(|fill| fill.1).sum();
            let delta = window.iter().map(|fill| fill.2).sum::<i64>().unsigned_abs();
            let vega = window.iter().map(|fill| fill.3).sum::<i64>().unsigned_abs();
            let trades = u64::try_from(window.len()).unwrap();
            let is_over = |sum: u64, limit: u64| limit != 0 && limit <= sum;
            if is_over(qty, limits.qty)
                || is_over(trades, limits.trades)
                || is_over(delta, limits.delta)
                || is_over(vega, limits.vega)
            {
                let until = limits.frozen.map(|span| self.now + span);
                let text = until.map_or("reset".to_owned(), |at| at.to_string());
                self.groups[at].fills.clear();
                self.groups[at].frozen = Some(until);
                self.say(format!("{maker}.{number} tripped until {text}"));
                self.pull(maker, Some(number), "mmp");
            }
        }
    }

    fn mass_quote(&mut self, maker: char, group: u32, quotes: &[(u64, Side, Side)]) {
        let now = self.now;
        let group_found = self.group(maker, group);
        let may_quote = group_found.is_some_and(|group| {
            group.frozen.is_none_or(|until| until.is_some_and(|at| at <= now))
        });
        for &(book, bid, ask) in quotes {
            let (bid, ask) = (bid.filter(|bid| bid.0 != 0), ask.filter(|ask| ask.0 != 0));
            if !may_quote {
                for _ in bid.iter().chain(&ask) {
                    self.say(format!("{book} refused: group_frozen"));
                }
                continue;
            }
            let old =
                |is_buy| self.quote(maker, group, book, is_buy).map(|at| self.orders[at].price);
            let (old_bid, old_ask) = (old(true), old(false));
            if let (Some(bid), Some(ask)) = (bid, ask)
                && ask.1 <= bid.1
            {
                self.refuse(maker, group, (book, true), "quote_crossed");
                self.refuse(maker, group, (book, false), "quote_crossed");
                continue;
            }
            let is_over = old_ask.is_some_and(|old| bid.is_some_and(|bid| old <= bid.1));
            let bid_up = old_bid.is_some_and(|old| bid.is_some_and(|bid| old < bid.1));
            let ask_up = old_ask.is_some_and(|old| ask.is_some_and(|ask| old < ask.1));
            let mut sides = [(true, bid), (false, ask)];
            if is_over || bid_up && ask_up {
                sides.reverse();
            }
            for (is_buy, side) in sides {
                self.set(maker, group, (book, is_buy), side);
            }
        }
    }

    /// Where a group's quote is among the orders.
    fn quote(&self, maker: char, group: u32, book: u64, is_buy: bool) -> Option<usize> {
        self.orders.iter().position(|order| {
            order.account == maker
                && order.group == Some(group)
                && order.book == book
                && order.is_buy == is_buy
        })
    }

    fn refuse(&mut self, maker: char, group: u32, (book, is_buy): (u64, bool), reason: &str) {
        match self.quote(maker, group, book, is_buy) {
            Some(at) => {
                self.say(format!("{book} #{} refused: {reason}", self.orders[at].number));
                self.end(at, "quote");
            }
            None => self.say(format!("{book} refused: {reason}")),
        }
    }

    /// Sets one side of one book.
    fn set(&mut self, maker: char, group: u32, (book, is_buy): (u64, bool), side: Side) {
        let at = self.quote(maker, group, book, is_buy);
        let Some((lots, price)) = side else {
            if let Some(at) = at {
                self.end(at, "user");
            }
            return;
        };
        let stays = at.is_some_and(|at| self.orders[at].price == price);
        let refusal = self.refusal(book, is_buy, price).filter(|_| !stays);
        let would_take = self.would_take(book, is_buy, price).then_some("post_only_would_cross");
        if let Some(reason) = refusal.or(would_take) {
            return self.refuse(maker, group, (book, is_buy), reason);
        }
        let Some(at) = at else {
            let number = self.accept(book, price);
            let (account, group, open, filled, place) = (maker, Some(group), lots, 0, 0);
            return self.rest(Order {
                number,
                account,
                group,
                book,
                is_buy,
                price,
                open,
                filled,
                place,
            });
        };
        let Order { number, filled, open, .. } = self.orders[at];
        self.say(format!("{book} #{number} amended to {} @ {price}", filled + lots));
        if stays && lots <= open {
            self.orders[at].open = lots;
        } else {
            let order = self.orders.remove(at);
            self.rest(Order { price, open: lots, ..order });
        }
    }
}
