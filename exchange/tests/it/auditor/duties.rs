//! The money of obligations, interval by interval and hour by hour.

use super::*;

impl Auditor {
    #[track_caller]
    pub(super) fn settled(&mut self, settled: &IntervalSettled) {
        let IntervalSettled { obligation, interval, outcome, .. } = settled;
        let duty = self.under_way(*obligation, *interval);
        duty.intervals[usize::try_from(*interval).unwrap()] = true;
        let place = match outcome {
            exchange::IntervalOutcome::Delivered { .. } => 0,
            exchange::IntervalOutcome::Failed { .. } => 1,
            exchange::IntervalOutcome::Unverified => 2,
        };
        duty.outcomes[place] += 1;
        duty.escrow -= micros(settled.paid) + micros(settled.returned_to_buyer);
        assert!(0 <= duty.escrow, "escrow is not overdrawn");
        duty.returned += micros(settled.returned_to_buyer);
        duty.paid_to_all += micros(settled.paid);
        if settled.stand_in.is_none() {
            duty.paid += micros(settled.paid);
        }
        self.ended += 1;
    }

    #[track_caller]
    pub(super) fn hour_settled(&mut self, hour: &HourSettled) {
        let duty = self.duty(hour.obligation);
        let settled = &hour.settled;
        let owed = micros(settled.compensation) + micros(settled.penalty);
        let received: i128 = settled.received.iter().map(|(_, amount)| micros(*amount)).sum();
        assert_eq!(received + micros(settled.unpaid), owed, "who is owed receives or goes without");
        assert!(micros(settled.insured) <= received);
        duty.damages += owed;
        duty.bond -= owed.min(duty.bond) + micros(settled.bond_released);
        assert!(0 <= duty.bond, "the bond is not overdrawn");
    }

    /// Invoices add up to what has moved.
    #[track_caller]
    pub(super) fn invoiced(&mut self, invoice: &Invoice) {
        let duty = self.duty(invoice.obligation);
        duty.invoices += 1;
        assert_eq!(invoice.number, duty.invoices);
        let of = |sums: &settlement::Sums| {
            let damages = micros(sums.compensation) + micros(sums.penalty);
            [micros(sums.paid_to_seller), micros(sums.returned_to_buyer), damages]
        };
        for (sum, part) in duty.invoiced.iter_mut().zip(of(&invoice.since)) {
            *sum += part;
        }
        assert_eq!(duty.invoiced, of(&invoice.total), "invoices add up");
        // What the close gives back of the escrow is on the last one.
        let moved = [duty.paid, duty.returned, duty.damages];
        let beyond = duty.invoiced[1] - moved[1];
        assert!(beyond == 0 || beyond == duty.escrow, "{:?} {moved:?}", duty.invoiced);
        assert_eq!([duty.invoiced[0], duty.invoiced[2]], [moved[0], moved[2]]);
    }

    #[track_caller]
    pub(super) fn closed(&mut self, event: &Event) {
        let Event::ObligationClosed {
            obligation,
            intervals_delivered,
            intervals_failed,
            intervals_unverified,
            paid_to_seller,
            ..
        } = event
        else {
            return;
        };
        let duty = self.duty(*obligation);
        let [delivered, failed, unverified] = duty.outcomes;
        assert_eq!((delivered, failed), (*intervals_delivered, *intervals_failed));
        assert!(unverified <= *intervals_unverified, "some were overtaken by the close");
        assert_eq!(duty.paid, micros(*paid_to_seller));
        assert_eq!(duty.invoiced[0], duty.paid, "all of it was invoiced");
        assert_eq!(duty.invoiced[1], duty.returned + duty.escrow);
        assert_eq!(duty.invoiced[2], duty.damages);
        duty.is_closed = true;
        duty.escrow = 0;
        duty.bond = 0;
    }
}
