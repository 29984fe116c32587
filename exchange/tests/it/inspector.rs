//! Reads the state back from its snapshot and compares its parts with each other.
//!
//! The mirror below has the fields of the exchange's state in their order: what is private in the crate is plain here.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::{
    Account, CloseOuts, Command, Controls, Defaults, Delivery, Event, Exchange, GroupName,
    IndexHistory, Instruction, Jobs, Margins, OpenOrder, OpenVenue, QuoteGroup, QuoteMark, Roll,
    Series, SeriesState, Stamped,
};
use instruments::{
    AccountId, GradeId, InstrumentId, Nanos, ObligationId, OrderId, Price, Qty, Seq, Side,
};
use matching_engine::{Engine, OrderKind, Phase};
use settlement::{Bucket, FeeRates, Ledger, OpenOrders, Positions};

use crate::required::{required, scale_now};

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct ReduceOnly {
    buys: Qty,
    sells: Qty,
    orders: BTreeSet<OrderId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Agreements {
    keys: BTreeMap<AccountId, [u8; 20]>,
    taken: BTreeSet<(Nanos, AccountId, u64)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct ClientOrders {
    accounts: BTreeMap<AccountId, Named>,
    sizes: BTreeSet<(u64, AccountId)>,
    ended: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Named {
    by_id: BTreeMap<[u8; 16], (OrderId, Nanos, [u8; 16])>,
    ended: BTreeMap<OrderId, (Nanos, [u8; 16])>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Absence {
    timers: BTreeMap<AccountId, Nanos>,
    due: BTreeSet<(Nanos, AccountId)>,
    on_disconnect: BTreeSet<AccountId>,
}

#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct State {
    rules: u32,
    venue: Option<OpenVenue>,
    last_seq: Seq,
    now: Nanos,
    history: [u8; 32],
    pub issued: [u64; 4],
    pub series: BTreeMap<InstrumentId, Series>,
    series_by_name: BTreeMap<String, InstrumentId>,
    engine: Engine,
    stopping: BTreeSet<(Nanos, InstrumentId)>,
    pub accounts: BTreeMap<AccountId, Account>,
    accounts_by_name: BTreeMap<String, AccountId>,
    pub orders: BTreeMap<OrderId, OpenOrder>,
    pub open_orders: BTreeMap<AccountId, BTreeMap<InstrumentId, OpenOrders>>,
    reduce_only: BTreeMap<(AccountId, InstrumentId), ReduceOnly>,
    pub ledger: Ledger,
    pub positions: Positions,
    pub indices: BTreeMap<GradeId, IndexHistory>,
    pub deliveries: BTreeMap<ObligationId, Delivery>,
    variation_at: Nanos,
    unmarked: BTreeSet<InstrumentId>,
    marks_at: Option<Nanos>,
    fee_rates: FeeRates,
    pub margins: Margins,
    options_on: BTreeMap<InstrumentId, BTreeSet<InstrumentId>>,
    instructions: BTreeMap<(InstrumentId, AccountId), Instruction>,
    exercise_prices: BTreeMap<InstrumentId, Price>,
    lot_values: BTreeMap<InstrumentId, i128>,
    rolls: BTreeMap<InstrumentId, Roll>,
    rolling: BTreeSet<(Nanos, InstrumentId)>,
    fixings: BTreeMap<InstrumentId, oracle::Determination>,
    defaults: Defaults,
    // Physical close-out.
    close_outs: CloseOuts,
    // Trades agreed elsewhere.
    agreements: Agreements,
    // Buyers' jobs.
    pub jobs: Jobs,
    // Whoever is gone.
    client_orders: ClientOrders,
    absence: Absence,
    pub controls: Controls,
    // Quotes.
    quote_groups: BTreeMap<(AccountId, GroupName), QuoteGroup>,
    quote_marks: BTreeMap<OrderId, QuoteMark>,
}

impl State {
    pub(crate) fn read(snapshot: &[u8]) -> Self {
        borsh::from_slice(snapshot).unwrap()
    }
}

/// What must hold after `input`, which gave `events` on the state that `before` is a snapshot of.
#[track_caller]
pub(crate) fn inspect(exchange: &Exchange, input: &Stamped, before: &[u8], events: &[Event]) {
    let state = State::read(&exchange.snapshot());
    let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
    let mut untouched = State::read(before);
    let mut happened = Vec::new();
    untouched.engine.advance(state.now, &mut happened);
    // Where time alone has done something, that comes before the refusal.
    let stopped = untouched.stopping != state.stopping
        || untouched.rolling != state.rolling
        || untouched.absence != state.absence;
    if is_refused && happened.is_empty() && !stopped {
        assert_eq!(events.len(), 1, "a refusal is the only event: {events:?}");
        untouched.last_seq = state.last_seq;
        untouched.now = state.now;
        untouched.history = state.history;
        assert!(untouched == state, "a refusal changed the state: {events:?}");
    }
    assert!(exchange.money_conserved(), "money is created, destroyed or stuck in suspense");
    if input.command == Command::Tick
        && let Some(next) = exchange.next_due()
    {
        assert!(input.at < next, "after a tick at {:?} another is due at {next:?}", input.at);
    }
    positions_sum_to_zero(&state);
    for event in events {
        if let Event::MarginScaled { instrument, scale } = event {
            let now = scale_now(&state, &state.series[instrument]);
            assert_eq!(i128::from(scale.ppm()), now, "scale of {instrument}");
        }
    }
    books_and_records_agree(&state);
    names_and_orders_agree(&state);
    counters_agree(&state);
    for account in state.accounts.keys() {
        holds_are_what_is_required(&state, *account);
    }
    duties_end_with_their_series(&state);
}

#[track_caller]
fn positions_sum_to_zero(state: &State) {
    for instrument in state.series.keys() {
        let lots = state.positions.of_instrument(*instrument);
        let (net, cost) = lots.fold((0_i128, 0_i128), |(net, cost), (_, position)| {
            (net + i128::from(position.net.lots()), cost + position.cost)
        });
        assert_eq!((net, cost), (0, 0), "positions and costs of {instrument}");
    }
}

/// Every id names an order, every open order with an id is named by it, and what has ended is counted.
#[track_caller]
fn names_and_orders_agree(state: &State) {
    let named = &state.client_orders;
    let mut ended = 0;
    for (account, names) in &named.accounts {
        assert!(!names.by_id.is_empty(), "{account} is kept without a name");
        for (order, ..) in names.by_id.values() {
            let is_open = state.orders.contains_key(order);
            assert!(is_open != names.ended.contains_key(order), "{order} is open or has ended");
        }
        let size = u64::try_from(names.ended.len()).unwrap();
        assert_eq!(named.sizes.contains(&(size, *account)), 0 < size, "size of {account}");
        ended += size;
    }
    assert_eq!(named.ended, ended, "ended orders that are remembered");
    for (order, record) in state.orders.iter().filter(|(_, it)| it.client_order_id.is_some()) {
        let names = &named.accounts[&record.account];
        assert!(names.by_id.values().any(|(named, ..)| named == order), "{order} has no name");
    }
    let due: BTreeSet<_> = state.absence.timers.iter().map(|(who, at)| (*at, *who)).collect();
    assert_eq!(due, state.absence.due, "timers and when they are due");
}

#[track_caller]
fn books_and_records_agree(state: &State) {
    let mut resting = 0;
    for instrument in state.series.keys() {
        let book = state.engine.book(*instrument).unwrap();
        let is_continuous = book.phase() == Phase::Continuous;
        assert!(!is_continuous || !book.is_crossed(), "a crossed book at rest");
        let stopped = state.series[instrument].instrument.has_expired(state.now);
        assert!(!stopped || book.is_empty(), "orders rest in a series that has stopped");
        for order in book.orders().chain(book.waiting()) {
            let record = &state.orders[&order.id];
            resting += 1;
            assert_eq!(record.instrument, *instrument);
            assert_eq!((record.account, record.side), (order.account, order.side));
            if let OrderKind::Limit(limit) = order.kind {
                assert_eq!(record.limit, limit);
            } else {
                assert_eq!(Some(record.limit), order.ceiling);
            }
            assert_eq!((record.open(), record.filled), (order.open, order.filled));
            assert_eq!(record.waits, order.trigger.is_some());
            assert!(!record.waits || record.trigger == order.trigger);
            assert!(!record.open().is_zero());
        }
    }
    assert_eq!(resting, state.orders.len(), "a record without an order in a book");
}

#[track_caller]
fn counters_agree(state: &State) {
    let mut open_orders: BTreeMap<AccountId, BTreeMap<InstrumentId, OpenOrders>> = BTreeMap::new();
    let mut counts: BTreeMap<AccountId, u64> = BTreeMap::new();
    for record in state.orders.values() {
        let by_series = open_orders.entry(record.account).or_default();
        let open = by_series.entry(record.instrument).or_default();
        match record.side {
            Side::Buy => open.buys += record.open(),
            Side::Sell => open.sells += record.open(),
        }
        let reserve =
            record.reserve_per_lot.micros() * i64::try_from(record.open().lots()).unwrap();
        open.reserve += instruments::MicroUsd::new(reserve);
        *counts.entry(record.account).or_default() += 1;
    }
    assert_eq!(open_orders, state.open_orders, "counters of open orders");
    for (id, account) in &state.accounts {
        assert_eq!(
            account.open_orders,
            counts.get(id).copied().unwrap_or(0),
            "open orders of {id}"
        );
    }
}

/// Rounded up, as every charge is.
pub(crate) fn rate_up(ppm: i128, micros: i128) -> i128 {
    (ppm * micros + 999_999).div_euclid(1_000_000)
}

pub(crate) fn lot_value(series: &Series, price: Price) -> i128 {
    let terms = &series.instrument;
    i128::from(price.ticks())
        * i128::from(terms.tick_size.micros())
        * i128::from(terms.hours_per_lot)
}

#[track_caller]
fn holds_are_what_is_required(state: &State, account: AccountId) {
    // Beyond the ledger's range everything is held; the extremes have their own tests.
    let Some((for_positions, for_orders)) = required(state, account) else { return };
    let held = |bucket| i128::from(state.ledger.balance(bucket).micros());
    let position = held(Bucket::PositionMargin(account));
    let orders = held(Bucket::OrderHold(account));
    let usable = held(Bucket::Cash(account)) + position + orders;
    assert_eq!(position, for_positions.min(usable), "position margin of {account}");
    assert_eq!(orders, for_orders.min(usable - position), "order hold of {account}");
}

#[track_caller]
fn duties_end_with_their_series(state: &State) {
    for delivery in state.deliveries.values() {
        let series = &state.series[&delivery.obligation.instrument];
        if series.state == SeriesState::Closed {
            assert!(delivery.obligation.closed, "an obligation outlives its series");
            assert_eq!(delivery.open_challenges().count(), 0, "a challenge outlives its series");
        }
    }
}
