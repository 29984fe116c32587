//! What market makers may ask on any day: mass quotes around the mark, protection that is tight, cancels, orders under protection.

use exchange::{
    Command, Exchange, GroupName, MassQuote, PlaceOrder, ProtectionTerms, QuoteCommand, QuoteEntry,
    QuoteFilter,
};
use instruments::{AccountId, GradeId, InstrumentId, NanosSpan, Price, Qty};
use proptest::prelude::*;

fn any_group() -> impl Strategy<Value = GroupName> {
    prop_oneof![
        6 => Just(GroupName::Named("a".to_owned())),
        2 => Just(GroupName::Named("b".to_owned())),
        1 => Just(GroupName::Of(GradeId::new("H100").unwrap())),
    ]
}

fn any_terms() -> impl Strategy<Value = ProtectionTerms> {
    let frozen = prop::option::of((0..20_000_u64).prop_map(NanosSpan::from_millis));
    (0..20_000_u64, frozen, 0..30_u64, 0..20_u64, 0..4_u32, 0..20_u64).prop_map(
        |(millis, frozen_for, qty, delta, trades_max, most)| ProtectionTerms {
            window: NanosSpan::from_millis(millis),
            frozen_for,
            qty_max: Qty::from_lots(qty),
            delta_max: delta * 500_000,
            vega_max: 0,
            trades_max,
            quote_max: Qty::from_lots(most),
        },
    )
}

/// So many ticks from the mark, and so many lots; see [`priced`].
fn any_side() -> impl Strategy<Value = Option<(Price, Qty)>> {
    let side = (-2..40_i64, 0..12_u64);
    prop::option::weighted(
        0.85,
        side.prop_map(|(ticks, lots)| (Price::from_ticks(ticks), Qty::from_lots(lots))),
    )
}

fn any_entry() -> impl Strategy<Value = QuoteEntry> {
    let series = prop_oneof![8 => 1..4_u64, 4 => 4..6_u64, 4 => 7..13_u64, 1 => 0..15_u64];
    (series, any_side(), any_side()).prop_map(|(series, bid, ask)| QuoteEntry {
        instrument: InstrumentId(series),
        set: (series % 3).to_string(),
        bid,
        ask,
    })
}

fn any_filter() -> impl Strategy<Value = QuoteFilter> {
    let instrument = prop::option::weighted(0.3, (1..6_u64).prop_map(InstrumentId));
    let set = prop::option::weighted(0.3, (0..3_u64).prop_map(|set| set.to_string()));
    (instrument, set, prop::option::weighted(0.2, any::<bool>())).prop_map(
        |(instrument, set, is_option)| QuoteFilter {
            instrument,
            set,
            is_option,
            ..QuoteFilter::default()
        },
    )
}

/// What a market maker asks; nearly always of grade H100, so that its groups are there.
pub(crate) fn any_quote(
    who: impl Strategy<Value = u64> + Clone,
    order: impl Strategy<Value = PlaceOrder>,
) -> impl Strategy<Value = QuoteCommand> {
    let account = move || who.clone().prop_map(AccountId);
    let grade = prop::sample::select(vec!["H100", "H100", "H100", "A100"]);
    prop_oneof![
        3 => (account(), any_group(), grade, any_terms()).prop_map(|(account, group, grade, terms)| {
            let grade = GradeId::new(grade).unwrap();
            QuoteCommand::Protect { account, group, grade, terms }
        }),
        1 => (account(), any_group())
            .prop_map(|(account, group)| QuoteCommand::Unprotect { account, group }),
        3 => (account(), any_group())
            .prop_map(|(account, group)| QuoteCommand::Reset { account, group }),
        20 => (account(), any_group(), prop::collection::vec(any_entry(), 1..6)).prop_map(
            |(account, group, quotes)| {
                let (quote_id, valid_until) = ("q".to_owned(), None);
                QuoteCommand::MassQuote(MassQuote { account, group, quote_id, valid_until, quotes, session: None })
            },
        ),
        2 => (account(), any_filter())
            .prop_map(|(account, filter)| QuoteCommand::Cancel { account, filter }),
        5 => (order, any_group()).prop_map(|(order, group)| QuoteCommand::Place { order, group }),
    ]
}

/// The command with its quotes around the marks of now. Whoever has no such group sets it up first.
pub(crate) fn priced(exchange: &Exchange, command: &QuoteCommand) -> Command {
    let mut command = command.clone();
    if let QuoteCommand::MassQuote(request) = &command
        && !exchange.quote_groups(request.account).any(|(name, ..)| *name == request.group)
    {
        let (account, group) = (request.account, request.group.clone());
        let grade = GradeId::new("H100").unwrap();
        let terms = ProtectionTerms {
            window: NanosSpan::from_seconds(10),
            frozen_for: Some(NanosSpan::from_seconds(2)),
            qty_max: Qty::from_lots(8),
            delta_max: 0,
            vega_max: 0,
            trades_max: 0,
            quote_max: Qty::from_lots(10),
        };
        return Command::Quoting(QuoteCommand::Protect { account, group, grade, terms });
    }
    if let QuoteCommand::MassQuote(request) = &mut command {
        for entry in &mut request.quotes {
            let mark = exchange.series_by_id(entry.instrument).map_or(0, |it| it.mark.ticks());
            let at = |ticks: i64| Price::from_ticks(mark + ticks);
            entry.bid = entry.bid.map(|(off, qty)| (at(-off.ticks()), qty));
            entry.ask = entry.ask.map(|(off, qty)| (at(off.ticks()), qty));
        }
    }
    Command::Quoting(command)
}
