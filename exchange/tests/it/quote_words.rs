//! Quotes in a market maker's words, and what happens to them in a reader's.
//!
//! ```text
//! NAME protects GROUP [grade G] [window SPAN] [frozen SPAN] [qty N] [delta PPM] [vega MICROS] [trades N] [max N]
//! NAME unprotects|resets GROUP
//! NAME quotes GROUP [id=T] [valid=SPAN] SERIES QTY@PRICE|- QTY@PRICE|- [set=T] ; SERIES ..
//! NAME pulls [group=G] [series=S] [set=T] [grade=G] [options|futures] [delta=LOW..HIGH]
//! NAME joins GROUP buy|sell QTY @ PRICE ..        (an order, as ever)
//! ```
//! A group that begins with `*` is the one of a grade.

use exchange::{
    Command, Exchange, GroupName, MassQuote, ProtectionTerms, QuoteCommand, QuoteEntry, QuoteEvent,
    QuoteFilter,
};
use instruments::{AccountId, GradeId, InstrumentId, NanosSpan, Price, Qty};

use crate::render::{account_name, order_number};
use crate::script::{Desk, after, span};
use crate::world::World;

pub(crate) fn group(word: &str) -> GroupName {
    match word.strip_prefix('*') {
        Some(grade) => GroupName::Of(GradeId::new(grade).unwrap()),
        None => GroupName::Named(word.to_owned()),
    }
}

pub(crate) fn command(
    desk: &Desk,
    account: AccountId,
    verb: &str,
    words: &[&str],
) -> Option<Command> {
    let command = match (verb, words) {
        ("protects", [name, rest @ ..]) => protect(account, name, rest),
        ("unprotects", [name]) => QuoteCommand::Unprotect { account, group: group(name) },
        ("resets", [name]) => QuoteCommand::Reset { account, group: group(name) },
        ("quotes", [name, rest @ ..]) => quotes(desk, account, name, rest),
        ("pulls", rest) => QuoteCommand::Cancel { account, filter: filter(desk, rest) },
        ("joins", [name, side, qty, rest @ ..]) => QuoteCommand::Place {
            order: desk.order(account, side, qty.parse().unwrap(), rest),
            group: group(name),
        },
        _ => return None,
    };
    Some(Command::Quoting(command))
}

fn protect(account: AccountId, name: &str, words: &[&str]) -> QuoteCommand {
    let number =
        |word: &str| after(words, word).map_or(0_u64, |number| number.parse::<u64>().unwrap());
    let most = after(words, "max").map_or(100, |number| number.parse().unwrap());
    QuoteCommand::Protect {
        account,
        group: group(name),
        grade: GradeId::new(after(words, "grade").unwrap_or("H100")).unwrap(),
        terms: ProtectionTerms {
            window: after(words, "window").map_or(NanosSpan::from_seconds(1), span),
            frozen_for: after(words, "frozen").map(span),
            qty_max: Qty::from_lots(number("qty")),
            delta_max: number("delta"),
            vega_max: number("vega"),
            trades_max: u32::try_from(number("trades")).unwrap(),
            quote_max: Qty::from_lots(most),
        },
    }
}

fn quotes(desk: &Desk, account: AccountId, name: &str, words: &[&str]) -> QuoteCommand {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let is_option = |word: &&&str| word.starts_with("id=") || word.starts_with("valid=");
    let rest: Vec<&str> = words.iter().filter(|word| !is_option(word)).copied().collect();
    let entry = |part: &[&str]| {
        let [series, bid, ask, rest @ ..] = part else { panic!("no quote {part:?}") };
        let instrument = desk.instrument(&["in", series]);
        let set = rest.iter().find_map(|word| word.strip_prefix("set=")).unwrap_or_default();
        QuoteEntry {
            instrument,
            set: set.to_owned(),
            bid: side(desk, instrument, bid),
            ask: side(desk, instrument, ask),
        }
    };
    QuoteCommand::MassQuote(MassQuote {
        session: None,
        account,
        group: group(name),
        quote_id: option("id=").unwrap_or("q").to_owned(),
        valid_until: option("valid=").map(|text| crate::world::START + span(text)),
        quotes: rest
            .split(|word| *word == ";")
            .filter(|part| !part.is_empty())
            .map(entry)
            .collect(),
    })
}

fn side(desk: &Desk, instrument: InstrumentId, word: &str) -> Option<(Price, Qty)> {
    let (qty, price) = word.split_once('@')?;
    Some((desk.price(instrument, price), Qty::from_lots(qty.parse().unwrap())))
}

fn filter(desk: &Desk, words: &[&str]) -> QuoteFilter {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let kind = words.iter().find(|word| ["options", "futures"].contains(*word));
    let delta = option("delta=").and_then(|range| range.split_once(".."));
    QuoteFilter {
        group: option("group=").map(group),
        instrument: option("series=").map(|name| desk.instrument(&["in", name])),
        set: option("set=").map(str::to_owned),
        grade: option("grade=").and_then(GradeId::new),
        is_option: kind.map(|kind| *kind == "options"),
        delta: delta.map(|(low, high)| (low.parse().unwrap(), high.parse().unwrap())),
    }
}

fn called(name: &GroupName) -> String {
    match name {
        GroupName::Of(grade) => format!("*{grade}"),
        GroupName::Named(name) => name.clone(),
    }
}

pub(crate) fn line(world: &World, event: &QuoteEvent) -> String {
    let exchange: &Exchange = &world.exchange;
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        QuoteEvent::ProtectionSet { account, group, grade, .. } => {
            format!("{} protects {} of {grade}", name(account), called(group))
        }
        QuoteEvent::ProtectionEnded { account, group } => {
            format!("{} unprotects {}", name(account), called(group))
        }
        QuoteEvent::ProtectionReset { account, group } => {
            format!("{} resets {}", name(account), called(group))
        }
        QuoteEvent::ProtectionTripped { account, group, until, .. } => {
            let until = until.map_or("it is reset".to_owned(), |until| {
                format!("+{}s", until.since(crate::world::START).nanos() / 1_000_000_000)
            });
            format!("{} {} tripped until {until}", name(account), called(group))
        }
        QuoteEvent::OrderMarked { order, mark, .. } => format!(
            "#{} is {} of {} {}/{}",
            order_number(world, *order),
            if mark.is_quote { "a quote" } else { "a member" },
            called(&mark.group),
            mark.quote_id,
            mark.set
        ),
        QuoteEvent::QuoteSet { entry, order, .. } => {
            format!("{entry}: #{} stands", order_number(world, *order))
        }
        QuoteEvent::QuoteRefused { entry, side, reason, .. } => {
            format!("{entry}: {} {}", crate::render::side(*side), crate::render::refused(reason))
        }
    }
}
