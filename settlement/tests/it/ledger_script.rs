//! Ledger scripts: what is asked in words, what moved in words.
//!
//! ```text
//! deposit 10 a                         custody to cash
//! move 5 a.cash b.cash                 a transfer
//! pay 5 a.margin,a.cash fees           from several buckets in their order
//! hold 4 a.escrow#1 from a.cash        opens a hold; top_up 2 a.escrow#1 from a.cash; post 1 a.escrow#1 b.cash; void a.escrow#1
//! set 3 a.orders 2 a.positions         resizes an account's own holds together
//! for premium move 5 a.cash b.cash     says why
//! chain move ... ; move ...            all of them or none
//! balances                             what is where
//! ```

use std::fmt::Write as _;

use expect_test::Expect;
use instruments::{AccountId, MicroUsd, ObligationId};
use settlement::{Bucket, HoldKey, Ledger, Reason, Transfer};

use crate::world::usd;

/// The first accounts.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Runs a script on an empty ledger and compares what it says. The ledger must pass its own audit after every line.
#[track_caller]
pub(crate) fn check(script: &str, expected: &Expect) {
    let mut ledger = Ledger::default();
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "balances" {
            out.push_str(&balances(&ledger));
            continue;
        }
        let refusal = run(&mut ledger, line).err();
        for transfer in ledger.take_transfers() {
            out.push_str(&words(&transfer));
        }
        if let Some(refusal) = refusal {
            writeln!(out, "refused: {refusal}").expect("a string");
        }
        assert_eq!(ledger.audit(), Ok(()), "after {line}");
    }
    expected.assert_eq(&out);
}

fn run(ledger: &mut Ledger, line: &str) -> Result<(), String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    if verb == "chain" {
        let mut chain = ledger.chain();
        for part in rest.split(';') {
            run(&mut chain, part.trim())?;
        }
        chain.commit();
        return Ok(());
    }
    if verb == "for" {
        let (reason, rest) = rest.split_once(' ').expect("a reason and a line");
        let named = |known: &Reason| known.name() == reason;
        let reason = Reason::ALL.into_iter().find(named).expect("a reason");
        return run(&mut ledger.because(reason), rest);
    }
    let words: Vec<&str> = rest.split(' ').collect();
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    match (verb, words.as_slice()) {
        ("deposit", [amount, whose]) => {
            let cash = Bucket::Cash(account(whose));
            ledger.transfer(Bucket::Custody, cash, usd(amount)).map_err(|error| failed(&error))
        }
        ("move", [amount, from, to]) => {
            let moved = ledger.transfer(bucket(from), bucket(to), usd(amount));
            moved.map_err(|error| failed(&error))
        }
        ("pay", [amount, from, to]) => lacks(ledger.pay(&buckets(from), bucket(to), usd(amount))),
        ("hold", [amount, hold, "from", from]) => {
            let held = ledger.hold(key(hold), &buckets(from), usd(amount));
            lacks(held.map_err(|error| failed(&error))?)
        }
        ("top_up", [amount, hold, "from", from]) => {
            let held = ledger.top_up(key(hold), &buckets(from), usd(amount));
            lacks(held.map_err(|error| failed(&error))?)
        }
        ("post", [amount, hold, to]) => {
            let posted = ledger.post(key(hold), bucket(to), usd(amount));
            posted.map_err(|error| failed(&error))
        }
        ("void", [hold]) => ledger.void(key(hold)).map(drop).map_err(|error| failed(&error)),
        ("set", targets) => {
            let target = |pair: &[&str]| (key(pair[1]), usd(pair[0]));
            lacks(ledger.set_holds(&targets.chunks(2).map(target).collect::<Vec<_>>()))
        }
        _ => panic!("not a line of a script: {line}"),
    }
}

fn lacks(lack: MicroUsd) -> Result<(), String> {
    if lack == MicroUsd::ZERO { Ok(()) } else { Err(format!("{} are lacking", dollars(lack))) }
}

fn account(name: &str) -> AccountId {
    let known = (1..).zip(NAMES).find(|(_, known)| *known == name);
    AccountId(known.expect("a, b or c").0)
}

fn buckets(text: &str) -> Vec<Bucket> {
    text.split(',').map(bucket).collect()
}

fn bucket(text: &str) -> Bucket {
    let Some((whose, place)) = text.split_once('.') else {
        return match text {
            "custody" => Bucket::Custody,
            "fees" => Bucket::Fees,
            "insurance" => Bucket::Insurance,
            "suspense" => Bucket::Suspense,
            "rounding" => Bucket::Rounding,
            other => panic!("not a bucket: {other}"),
        };
    };
    let account = account(whose);
    match place {
        "cash" => Bucket::Cash(account),
        "orders" => Bucket::OrderHold(account),
        "margin" => Bucket::PositionMargin(account),
        "share" => Bucket::DefaultFundShare(account),
        other => panic!("not a bucket: {other}"),
    }
}

fn key(text: &str) -> HoldKey {
    let (whose, what) = text.split_once('.').expect("account.hold");
    let account = account(whose);
    let (what, number) = what.split_once('#').unwrap_or((what, "0"));
    let obligation = ObligationId(number.parse().expect("a number"));
    match what {
        "orders" => HoldKey::Orders(account),
        "positions" => HoldKey::Positions(account),
        "quotes" => HoldKey::Quotes(account),
        "escrow" => HoldKey::Escrow(obligation, account),
        "bond" => HoldKey::Bond(obligation, account),
        other => panic!("not a hold: {other}"),
    }
}

fn words(transfer: &Transfer) -> String {
    let Transfer { id, chain, reason, from, to, amount } = transfer;
    let chain = if chain == id { String::new() } else { format!(" of {chain}") };
    let (from, to) = (place(*from), place(*to));
    format!("{id}{chain} {}: {from} -> {to} {}\n", reason.name(), dollars(*amount))
}

fn balances(ledger: &Ledger) -> String {
    let mut out = String::new();
    for (bucket, balance) in ledger.balances() {
        writeln!(out, "  {} {}", place(bucket), dollars(balance)).expect("a string");
    }
    for (key, held) in ledger.obligation_holds() {
        writeln!(out, "  open: {key:?} {}", dollars(held)).expect("a string");
    }
    out
}

fn place(bucket: Bucket) -> String {
    let name_of = |account| (1..).zip(NAMES).find(|(id, _)| AccountId(*id) == account);
    let name = bucket.account().and_then(name_of).map(|(_, name)| name);
    let debug = format!("{bucket:?}");
    let word = debug.split('(').next().unwrap_or(&debug);
    name.map_or_else(|| word.to_lowercase(), |name| format!("{name}.{word}"))
}

fn dollars(money: MicroUsd) -> String {
    let sign = if money < MicroUsd::ZERO { "-" } else { "" };
    let micros = money.micros().unsigned_abs();
    let decimals = format!("{:06}", micros % 1_000_000);
    let text = format!("{sign}{}.{decimals}", micros / 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
