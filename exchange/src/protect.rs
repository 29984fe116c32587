//! Sets up, changes, resets and ends a group of quotes.

use std::collections::BTreeSet;

use instruments::{AccountId, GradeId, NanosSpan, OrderId};
use matching_engine::{CancelReason, GROUPS_MAX, Limits};

use crate::Exchange;
use crate::event::{Event, QuoteEvent};
use crate::limits::{FREEZE_MAX, GROUP_NAME_LEN_MAX, POSITION_MAX, WINDOW_MAX};
use crate::quoting::{GroupName, ProtectionTerms, QuoteFilter, QuoteGroup};
use crate::reject::{QuoteReject, Reject};

impl Exchange {
    pub(crate) fn protect(
        &mut self,
        account: AccountId,
        (name, grade): (&GroupName, &GradeId),
        terms: &ProtectionTerms,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let number = self.check_protect(account, (name, grade), terms)?;

        // From here on nothing can fail.
        self.engine.set_protection(account, number, limits_of(terms));
        let key = (account, name.clone());
        let group = self.quoting.groups.entry(key).or_insert_with(|| QuoteGroup {
            number,
            grade: grade.clone(),
            terms: *terms,
            members: BTreeSet::new(),
        });
        group.terms = *terms;
        events.push(Event::Quote(QuoteEvent::ProtectionSet {
            account,
            group: name.clone(),
            grade: grade.clone(),
            terms: *terms,
        }));
        let filter = QuoteFilter { group: Some(name.clone()), ..QuoteFilter::default() };
        let too_large = |order: &OrderId| {
            self.orders.get(order).is_some_and(|record| terms.quote_max < record.open())
        };
        let cut: Vec<OrderId> =
            self.quotes_of(account, &filter).into_iter().filter(too_large).collect();
        self.end_orders(&cut, CancelReason::Quote, events);
        Ok(())
    }

    fn check_protect(
        &self,
        account: AccountId,
        (name, grade): (&GroupName, &GradeId),
        terms: &ProtectionTerms,
    ) -> Result<u32, Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if self.margins.grade(grade).is_none() {
            return Err(Reject::UnknownGrade);
        }
        if let GroupName::Named(text) = name
            && (text.is_empty() || GROUP_NAME_LEN_MAX < text.len())
        {
            return Err(Reject::Quote(QuoteReject::BadGroupName { limit: 64 }));
        }
        let is_in = |span: NanosSpan, most: NanosSpan| NanosSpan::ZERO < span && span <= most;
        let is_timed = is_in(terms.window, WINDOW_MAX)
            && terms.frozen_for.is_none_or(|span| is_in(span, FREEZE_MAX));
        let has_limit = !terms.qty_max.is_zero()
            || 0 < terms.delta_max
            || 0 < terms.vega_max
            || 0 < terms.trades_max;
        if !is_timed || !has_limit {
            return Err(Reject::Quote(QuoteReject::BadTerms));
        }
        if terms.quote_max.is_zero() || POSITION_MAX < terms.quote_max {
            return Err(Reject::Quote(QuoteReject::QuoteMaxOutOfRange { limit: POSITION_MAX }));
        }
        if let Some(group) = self.quoting.groups.get(&(account, name.clone())) {
            let is_same = group.grade == *grade;
            return if is_same { Ok(group.number) } else { Err(other_grade()) };
        }
        let limit = u64::try_from(GROUPS_MAX).unwrap_or(u64::MAX);
        let free = self.quoting.free_number(account);
        free.ok_or(Reject::Quote(QuoteReject::TooManyGroups { limit }))
    }

    pub(crate) fn unprotect(
        &mut self,
        account: AccountId,
        name: &GroupName,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let group = self.group(account, name)?;

        // From here on nothing can fail.
        let number = group.number;
        let members: Vec<OrderId> = group.members.iter().copied().collect();
        let filter = QuoteFilter { group: Some(name.clone()), ..QuoteFilter::default() };
        let quotes = self.quotes_of(account, &filter);
        self.end_orders(&quotes, CancelReason::Requested, events);
        self.end_orders(&members, CancelReason::Requested, events);
        self.engine.reset_protection(account, number);
        self.quoting.groups.remove(&(account, name.clone()));
        events.push(Event::Quote(QuoteEvent::ProtectionEnded { account, group: name.clone() }));
        Ok(())
    }

    pub(crate) fn reset_protection(
        &mut self,
        account: AccountId,
        name: &GroupName,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let number = self.group(account, name)?.number;

        // From here on nothing can fail.
        self.engine.reset_protection(account, number);
        events.push(Event::Quote(QuoteEvent::ProtectionReset { account, group: name.clone() }));
        Ok(())
    }

    /// Ends open orders, in the order given. What has ended meanwhile is passed over.
    pub(crate) fn end_orders(
        &mut self,
        orders: &[OrderId],
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        for order in orders {
            if self.orders.contains_key(order) {
                self.operate(events, |engine, out| engine.cancel(*order, reason, out));
            }
        }
    }
}

pub(crate) const fn other_grade() -> Reject {
    Reject::Quote(QuoteReject::OtherGrade)
}

fn limits_of(terms: &ProtectionTerms) -> Limits {
    Limits {
        window: terms.window,
        frozen_for: terms.frozen_for,
        qty_max: terms.qty_max.lots(),
        delta_max: terms.delta_max,
        vega_max: terms.vega_max,
        trades_max: terms.trades_max,
    }
}
