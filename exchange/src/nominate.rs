//! After the last trade of a physical series its holders say where they deliver or want to receive, and on what.
//!
//! Whoever says nothing delivers from anywhere, or receives from anywhere. A later nomination takes the place of an earlier one.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, InstrumentId, NetQty, Region};
use settlement::Assignment;

use crate::Exchange;
use crate::event::Event;
use crate::limits::{ENDPOINT_LEN_MAX, MATCHES_PER_SERIES_MAX, NODE_NAME_LEN_MAX, NODES_MAX};
use crate::reject::Reject;
use crate::series::SeriesState;

/// What a holder says about its delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Nomination {
    /// Where all of it is delivered from, or wanted; anywhere when absent.
    pub region: Option<Region>,
    /// How the other side reaches it, at most 256 bytes.
    pub endpoint: String,
    /// The machines that a seller delivers, or the places at which a buyer receives; at most 1,024.
    pub nodes: Vec<Node>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Node {
    /// Its name to the other side, 1 to 64 bytes.
    pub name: String,
    /// The hash of what else there is to say about it: its attestation, its key, its inventory.
    pub digest: [u8; 32],
}

impl Exchange {
    pub(crate) fn nominate(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        nomination: &Nomination,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let series = self.series.get(&instrument).ok_or(Reject::UnknownInstrument)?;
        let until = series.instrument.schedule.close_out.nominate_until;
        if series.state != SeriesState::Expired || until <= self.now {
            return Err(Reject::NoNominations);
        }
        if self.net(instrument, account) == NetQty::ZERO {
            return Err(Reject::NothingHeld);
        }
        check_nodes(&nomination.nodes)?;
        if ENDPOINT_LEN_MAX < nomination.endpoint.len() {
            return Err(Reject::BadNomination);
        }

        // From here on nothing can fail.
        self.close_outs.nominations.insert((instrument, account), nomination.clone());
        let nomination = Box::new(nomination.clone());
        events.push(Event::Nominated { account, instrument, nomination });
        Ok(())
    }

    /// Whether buyer and seller may take `agreed` out of the assignment, as they have both signed.
    pub(crate) fn check_match(
        &self,
        instrument: InstrumentId,
        agreed: &Assignment,
    ) -> Result<(), Reject> {
        let series = self.series.get(&instrument).ok_or(Reject::UnknownInstrument)?;
        let until = series.instrument.schedule.close_out.match_until;
        if series.state != SeriesState::Expired || until <= self.now {
            return Err(Reject::NoMatches);
        }
        let reported = self.close_outs.matches.get(&instrument).map_or(&[][..], Vec::as_slice);
        let sold = reported.iter().filter(|other| other.seller == agreed.seller);
        let bought = reported.iter().filter(|other| other.buyer == agreed.buyer);
        let sellers = self.net(instrument, agreed.seller).short();
        let buyers = self.net(instrument, agreed.buyer).long();
        let limit = sellers
            .saturating_sub(sold.map(|other| other.lots).sum())
            .min(buyers.saturating_sub(bought.map(|other| other.lots).sum()));
        if agreed.lots.is_zero() || limit < agreed.lots {
            return Err(Reject::MatchOutOfRange { limit });
        }
        if MATCHES_PER_SERIES_MAX <= reported.len() {
            return Err(Reject::TooManyMatches {
                limit: u64::try_from(MATCHES_PER_SERIES_MAX).unwrap_or(u64::MAX),
            });
        }
        Ok(())
    }

    /// Takes in a match that [`Exchange::check_match`] has let pass. Its lots are no part of the assignment.
    pub(crate) fn record_match(
        &mut self,
        instrument: InstrumentId,
        agreed: Assignment,
        events: &mut Vec<Event>,
    ) {
        self.close_outs.matches.entry(instrument).or_default().push(agreed);
        let Assignment { seller, buyer, lots } = agreed;
        events.push(Event::MatchReported { instrument, seller, buyer, lots });
    }
}

/// Whether a list of machines can be kept.
pub(crate) fn check_nodes(nodes: &[Node]) -> Result<(), Reject> {
    let is_named = |node: &Node| (1..=NODE_NAME_LEN_MAX).contains(&node.name.len());
    if NODES_MAX < nodes.len() || !nodes.iter().all(is_named) {
        return Err(Reject::BadNomination);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use instruments::{
        CloseOut, GradeId, Guards, Instrument, MicroUsd, Nanos, NanosSpan, Period, Price, Product,
        Qty, Schedule, Side, Style,
    };

    use super::*;
    use crate::{Command, OpenVenue, PlaceOrder, RULES_VERSION, Stamped};

    fn at(seconds: u64) -> Nanos {
        Nanos::from_seconds(seconds)
    }

    fn day() -> Instrument {
        let close_out = CloseOut { match_until: at(20), ..CloseOut::NONE };
        Instrument {
            id: InstrumentId(0),
            name: "H100D".to_owned(),
            grade: GradeId::new("H100").unwrap(),
            grade_terms: [9; 32],
            node_size: 8,
            product: Product::Future { style: Style::Physical, period: Period::Day },
            tick_size: MicroUsd::new(1_000),
            hours_per_lot: 24,
            schedule: Schedule {
                last_trade_at: at(10),
                ladder_step: NanosSpan::ZERO,
                assign_at: at(20),
                deliver_from: at(30),
                deliver_until: at(60),
                intervals: 3,
                answer_within: NanosSpan::from_seconds(1),
                verdict_within: NanosSpan::from_seconds(1),
                close_at: at(70),
                close_out,
            },
            reference: Price::from_ticks(2_500),
            guards: Guards::NONE,
        }
    }

    fn apply(exchange: &mut Exchange, seconds: u64, command: Command) -> Vec<Event> {
        let input = Stamped { seq: exchange.last_seq().next(), at: at(seconds), command };
        let mut events = Vec::new();
        exchange.apply(&input, &mut events);
        events
    }

    /// Account 1 is short 24, accounts 2 and 3 are long 16 and 8; nobody trades any more.
    fn stopped() -> Exchange {
        let mut exchange = Exchange::new();
        let every = NanosSpan::from_seconds(86_400);
        let open = OpenVenue {
            testnet: true,
            rules: RULES_VERSION,
            variation_from: at(86_400),
            variation_every: every,
        };
        apply(&mut exchange, 1, Command::OpenVenue(open));
        apply(&mut exchange, 1, Command::ListInstrument(Box::new(day())));
        for name in ["alice", "bob", "carol"] {
            let is_verifier = false;
            let name = name.to_owned();
            apply(&mut exchange, 1, Command::OpenAccount { name: name.clone(), is_verifier });
            let account = exchange.account_by_name(&name).unwrap();
            let amount = MicroUsd::new(1_000_000_000_000);
            apply(&mut exchange, 1, Command::Deposit { account, amount });
        }
        for (account, side, lots) in [(1, Side::Sell, 24), (2, Side::Buy, 16), (3, Side::Buy, 8)] {
            let (account, price) = (AccountId(account), Price::from_ticks(2_500));
            let order =
                PlaceOrder::limit(account, InstrumentId(1), side, price, Qty::from_lots(lots));
            apply(&mut exchange, 2, Command::PlaceOrder(order));
        }
        apply(&mut exchange, 10, Command::Tick);
        exchange
    }

    fn agreed(seller: u64, buyer: u64, lots: u64) -> Assignment {
        let (seller, buyer) = (AccountId(seller), AccountId(buyer));
        Assignment { seller, buyer, lots: Qty::from_lots(lots) }
    }

    #[test]
    fn expiry_011_matches_are_taken_between_the_last_trade_and_their_instant() {
        let series = InstrumentId(1);
        let exchange = stopped();
        assert_eq!(exchange.check_match(series, &agreed(1, 2, 8)), Ok(()));
        let nowhere = exchange.check_match(InstrumentId(2), &agreed(1, 2, 8));
        assert_eq!(nowhere, Err(Reject::UnknownInstrument));
        let late = Exchange { now: at(20), ..exchange };
        assert_eq!(late.check_match(series, &agreed(1, 2, 8)), Err(Reject::NoMatches));
    }

    #[test]
    fn expiry_012_a_match_is_at_most_what_both_have_left() {
        let series = InstrumentId(1);
        let mut exchange = stopped();
        let limit = |lots| Err(Reject::MatchOutOfRange { limit: Qty::from_lots(lots) });
        assert_eq!(exchange.check_match(series, &agreed(1, 2, 17)), limit(16));
        assert_eq!(exchange.check_match(series, &agreed(1, 2, 0)), limit(16));
        assert_eq!(exchange.check_match(series, &agreed(2, 1, 8)), limit(0));
        assert_eq!(exchange.check_match(series, &agreed(1, 9, 8)), limit(0));
        exchange.record_match(series, agreed(1, 2, 10), &mut Vec::new());
        assert_eq!(exchange.check_match(series, &agreed(1, 2, 7)), limit(6));
        assert_eq!(exchange.check_match(series, &agreed(1, 3, 8)), Ok(()));
        exchange.record_match(series, agreed(1, 3, 8), &mut Vec::new());
        assert_eq!(exchange.check_match(series, &agreed(1, 2, 7)), limit(6));
        // What is left is assigned: 6 lots are no node.
        let events = apply(&mut exchange, 20, Command::Tick);
        let published = events.iter().find_map(|event| {
            if let Event::AssignmentPublished(published) = event { Some(published) } else { None }
        });
        let assigned = &published.unwrap().assigned;
        assert_eq!(assigned.matched, [agreed(1, 2, 10), agreed(1, 3, 8)]);
        assert_eq!(assigned.pairs, []);
        assert!(exchange.close_outs.matches.is_empty());
    }

    #[test]
    fn expiry_013_a_series_takes_so_many_matches() {
        let series = InstrumentId(1);
        let mut exchange = stopped();
        let many = vec![agreed(1, 2, 0); MATCHES_PER_SERIES_MAX];
        exchange.close_outs.matches.insert(series, many);
        let refused = exchange.check_match(series, &agreed(1, 2, 8));
        assert_eq!(refused, Err(Reject::TooManyMatches { limit: 10_000 }));
    }
}
