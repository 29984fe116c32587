//! The clearing house: one margin question, one variation cycle, one assignment.

use std::hint::black_box;

use benches::draw::Draw;
use benches::workload::day_contract;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instruments::{AccountId, MicroUsd, NetQty, Price, Qty, Side};
use settlement::{
    Bucket, Conditions, Holder, Ledger, MarginRates, OpenOrders, Positions, assign, requirement,
    run_variation,
};

const ACCOUNTS: u64 = 1_000;

fn margin(c: &mut Criterion) {
    let series = day_contract();
    let rates = MarginRates::standard();
    let open = OpenOrders {
        buys: Qty::from_lots(40),
        sells: Qty::from_lots(8),
        reserve: MicroUsd::new(1_000_000),
    };
    c.bench_function("settlement/requirement", |bencher| {
        bencher.iter(|| {
            let net = NetQty::from_lots(black_box(-24));
            requirement(
                &series,
                &rates,
                &Conditions::default(),
                net,
                &open,
                Price::from_ticks(2_500),
            )
        });
    });
}

fn market() -> (Ledger, Positions) {
    let series = day_contract();
    let (mut ledger, mut positions) = (Ledger::default(), Positions::default());
    let mut draw = Draw::new(3);
    for account in 1..=ACCOUNTS {
        let cash = Bucket::Cash(AccountId(account));
        let paid = ledger.transfer(Bucket::Custody, cash, MicroUsd::new(1_000_000_000));
        assert!(paid.is_ok(), "custody may go below zero");
    }
    for account in 1..ACCOUNTS {
        let (qty, price) = (Qty::from_lots(1 + draw.below(30)), Price::from_ticks(2_500));
        positions.trade(&series, AccountId(account), Side::Buy, qty, price);
        positions.trade(&series, AccountId(account + 1), Side::Sell, qty, price);
    }
    (ledger, positions)
}

fn transfers(c: &mut Criterion) {
    let (mut ledger, _) = market();
    let (cash, hold) = (Bucket::Cash(AccountId(7)), Bucket::OrderHold(AccountId(7)));
    c.bench_function("settlement/transfer_there_and_back_of_1000_accounts", |bencher| {
        bencher.iter(|| {
            let there = ledger.transfer(cash, hold, black_box(MicroUsd::new(5)));
            let back = ledger.transfer(hold, cash, black_box(MicroUsd::new(5)));
            assert!(there.is_ok() && back.is_ok(), "the account has the money");
            ledger.take_transfers().len()
        });
    });
}

fn variation(c: &mut Criterion) {
    let series = day_contract();
    c.bench_function("settlement/variation_1000_accounts", |bencher| {
        bencher.iter_batched(
            market,
            |(mut ledger, mut positions)| {
                let mark = Price::from_ticks(2_531);
                let cycle = run_variation(&mut ledger, &mut positions, &[(&series, mark)]);
                (ledger, positions, cycle)
            },
            BatchSize::LargeInput,
        );
    });
}

fn assignment(c: &mut Criterion) {
    let (_, positions) = market();
    let holders: Vec<Holder> = positions
        .of_instrument(day_contract().id)
        .map(|(account, position)| Holder { account, net: position.net, region: None })
        .collect();
    c.bench_function("settlement/assign_1000_accounts", |bencher| {
        bencher.iter(|| assign(black_box([7; 32]), &holders, &[], 8));
    });
}

criterion_group!(group, transfers, margin, variation, assignment);
criterion_main!(group);
