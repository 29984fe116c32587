//! Pairs the sellers of an expired series with its buyers. Positions end, obligations begin.

use instruments::{AccountId, InstrumentId, NetQty, ObligationId, Price, Qty};
use settlement::{Assignment, AssignmentInputs, Holder, Obligation};

use crate::delivery::Delivery;
use crate::event::{CloseOutEvent, Event, PublishedAssignment};
use crate::series::SeriesState;
use crate::{Exchange, Issued};

impl Exchange {
    pub(crate) fn assign_series(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let Some(series) = self.series.get_mut(&instrument) else { return };
        let Some(settlement_price) = series.settlement_price else { return };
        series.state = SeriesState::Delivering;
        let node_size = series.instrument.node_size;
        let region = |account: AccountId| {
            let nominated = self.close_outs.nominations.get(&(instrument, account));
            nominated.and_then(|nomination| nomination.region)
        };
        let holders: Vec<Holder> = self
            .positions
            .of_instrument(instrument)
            .map(|(account, position)| Holder {
                account,
                net: position.net,
                region: region(account),
            })
            .collect();
        let last_seq = self.last_seq;
        let matches = self.close_outs.matches.remove(&instrument).unwrap_or_default();
        let held = holders.iter().filter(|holder| holder.net != NetQty::ZERO).copied().collect();
        let inputs = AssignmentInputs {
            instrument,
            settlement_price,
            last_seq,
            node_size,
            holders: held,
            matches,
        };
        let assigned = inputs.assign();
        let mut assignments = assigned.pairs.clone();
        if !inputs.holders.is_empty() {
            events.push(Event::CloseOut(CloseOutEvent::AssignmentPublished(Box::new(
                PublishedAssignment {
                    seed: inputs.seed(),
                    inputs_hash: inputs.hash(),
                    inputs,
                    assigned,
                },
            ))));
        }
        // Beyond the ledger's range there is no obligation, and the position was settled in money like any odd rest.
        assignments.retain(|part| self.obligation(instrument, part, settlement_price).is_some());
        for holder in &holders {
            self.close_position(instrument, *holder, &assignments, events);
        }
        for assignment in &assignments {
            self.open_obligation(instrument, assignment, settlement_price, events);
        }
    }

    /// Ends one position. Whatever is not delivered has just been settled in money by the last variation.
    fn close_position(
        &mut self,
        instrument: InstrumentId,
        holder: Holder,
        assignments: &[Assignment],
        events: &mut Vec<Event>,
    ) {
        let Holder { account, net, region: _ } = holder;
        let is_mine = |part: &&Assignment| part.seller == account || part.buyer == account;
        let delivered: Qty = assignments.iter().filter(is_mine).map(|part| part.lots).sum();
        self.positions.close(instrument, account);
        if net != NetQty::ZERO {
            events.push(Event::PositionClosed { instrument, account, net, delivered });
        }
        self.rehold(account);
    }

    /// The next obligation, not yet funded.
    fn obligation(
        &self,
        instrument: InstrumentId,
        assignment: &Assignment,
        settlement_price: Price,
    ) -> Option<Obligation> {
        let series = self.series.get(&instrument)?;
        let id = ObligationId(Issued::next(&mut self.issued.obligations.clone()));
        Obligation::open(id, &series.instrument, assignment, settlement_price)
    }

    fn open_obligation(
        &mut self,
        instrument: InstrumentId,
        assignment: &Assignment,
        settlement_price: Price,
        events: &mut Vec<Event>,
    ) {
        let Some(mut obligation) = self.obligation(instrument, assignment, settlement_price) else {
            return;
        };
        let id = obligation.id;
        self.issued.obligations = id.0;
        let record = self.close_outs.records.get(&assignment.seller).copied().unwrap_or_default();
        obligation.bond_rate = self.close_outs.bond_rates.of(&record);
        let funding = settlement::fund(&mut self.ledger, &mut obligation);
        events.push(Event::ObligationAssigned {
            obligation: id,
            instrument,
            seller: assignment.seller,
            buyer: assignment.buyer,
            lots: assignment.lots,
            settlement_price,
            escrow: obligation.escrow,
            bond: obligation.bond,
        });
        if funding.buyer_defaulted() {
            let paid = settlement::default_buyer(&mut self.ledger, &mut obligation);
            events.push(Event::BuyerDefaulted { obligation: id, paid });
        }
        let parties: [AccountId; 2] = [assignment.seller, assignment.buyer];
        self.deliveries.insert(id, Delivery::new(obligation));
        for account in parties {
            self.rehold(account);
        }
    }
}
