//! Series, accounts and money for the tests.

use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId, Period,
    Price, Product, Qty, Schedule, Side, Style,
};
use settlement::{Assignment, Bucket, HoldKey, Ledger, Obligation, Positions};

pub(crate) const SELLER: AccountId = AccountId(1);
pub(crate) const BUYER: AccountId = AccountId(2);

/// A month of H100: 744 hours in 8,928 intervals of five minutes, tick 0.001 dollars per GPU-hour.
pub(crate) fn month() -> Instrument {
    series(744, 8_928)
}

/// A series of `hours` in `intervals`.
pub(crate) fn series(hours: u32, intervals: u32) -> Instrument {
    let product = Product::Future { style: Style::Physical, period: Period::Month };
    let deliver_from = Nanos::from_seconds(1_796_083_200);
    let deliver_until = deliver_from + NanosSpan::from_seconds(u64::from(hours) * 3_600);
    let instrument = Instrument {
        id: InstrumentId(7),
        name: "H100_USDC-27NOV26".to_owned(),
        grade: GradeId::new("H100").expect("a name"),
        grade_terms: [9; 32],
        node_size: 8,
        product,
        tick_size: usd("0.001"),
        hours_per_lot: hours,
        schedule: Schedule {
            last_trade_at: deliver_from,
            ladder_step: NanosSpan::ZERO,
            assign_at: deliver_from,
            deliver_from,
            deliver_until,
            intervals,
            answer_within: NanosSpan::from_seconds(60),
            verdict_within: NanosSpan::from_seconds(300),
            close_at: deliver_until + NanosSpan::from_seconds(1),
            close_out: instruments::CloseOut::NONE,
        },
        reference: Price::from_ticks(2_500),
        guards: instruments::Guards::NONE,
    };
    instrument.check_terms().expect("a series that can be listed");
    instrument
}

/// Dollars with up to six decimals.
#[track_caller]
pub(crate) fn usd(text: &str) -> MicroUsd {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.len() <= 6, "{text} has more than six decimals");
    let micros: i64 = format!("{whole}{decimals:0<6}").parse().expect("dollars");
    MicroUsd::new(micros)
}

pub(crate) fn account(id: u64) -> AccountId {
    AccountId(id)
}

pub(crate) fn lots(lots: u64) -> Qty {
    Qty::from_lots(lots)
}

pub(crate) fn ticks(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

/// A ledger into which each bucket was deposited; an escrow or a bond for an obligation that no test settles.
pub(crate) fn ledger(deposits: &[(Bucket, MicroUsd)]) -> Ledger {
    let mut ledger = Ledger::default();
    let nobody = ObligationId(u64::MAX);
    for (bucket, amount) in deposits {
        let set_aside = bucket.account().filter(|_| bucket.is_set_aside());
        let to = set_aside.map_or(*bucket, Bucket::Cash);
        ledger.transfer(Bucket::Custody, to, *amount).expect("custody may be overdrawn");
        if let Some(account) = set_aside {
            let keys = [HoldKey::Escrow(nobody, account), HoldKey::Bond(nobody, account)];
            let key = keys.into_iter().find(|key| key.bucket() == *bucket).expect("one of two");
            assert_eq!(ledger.hold(key, &[to], *amount), Ok(MicroUsd::ZERO));
        }
    }
    let _deposits = ledger.take_transfers();
    ledger
}

/// Books both sides of a trade.
pub(crate) fn trade(
    positions: &mut Positions,
    instrument: &Instrument,
    (buyer, seller): (u64, u64),
    qty: u64,
    price: i64,
) {
    let (qty, price) = (lots(qty), ticks(price));
    positions.trade(instrument, account(buyer), Side::Buy, qty, price);
    positions.trade(instrument, account(seller), Side::Sell, qty, price);
}

/// An unfunded duty of [`SELLER`] to [`BUYER`].
pub(crate) fn obligation(instrument: &Instrument, size: u64, price: i64) -> Obligation {
    let assignment = Assignment { seller: SELLER, buyer: BUYER, lots: lots(size) };
    Obligation::open(ObligationId(1), instrument, &assignment, ticks(price)).expect("in range")
}
