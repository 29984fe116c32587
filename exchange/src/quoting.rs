//! What market makers ask: quotes in many series by one message, and the protection that pulls them together.
//!
//! A quote is an order like any other, and holds what an order holds; the exchange only remembers which group it is of and what its owner calls
//! it. A *member* of a group is an order that is no quote, and is pulled with the quotes.
//!
//! Absent: what a group has traded in its window. That is the engine's, which counts it.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, GradeId, InstrumentId, Nanos, NanosSpan, OrderId, Price, Qty};
use matching_engine::{GROUPS_MAX, Protection};

use crate::Exchange;
use crate::command::PlaceOrder;
use crate::reject::{QuoteReject, Reject};

/// What a group is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum GroupName {
    /// By its account's own name, which no other group of the account has.
    Named(String),
    /// The group without a name of a grade.
    Of(GradeId),
}

/// When a group is pulled. A limit of zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProtectionTerms {
    /// How long fills count together, from the first on.
    pub window: NanosSpan,
    /// How long the group stays away; absent, until it is reset.
    pub frozen_for: Option<NanosSpan>,
    /// Lots traded, on both sides.
    pub qty_max: Qty,
    /// Net delta traded, either way, in millionths of a lot of a future.
    pub delta_max: u64,
    /// Net vega traded, either way, in micro-dollars for a hundredth of volatility.
    pub vega_max: u64,
    /// Trades.
    pub trades_max: u32,
    /// Lots of one quote.
    pub quote_max: Qty,
}

/// What is to stand in one series.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QuoteEntry {
    /// Where.
    pub instrument: InstrumentId,
    /// The account's own word for quotes that belong together.
    pub set: String,
    /// What it buys; absent or of no lots, nothing more.
    pub bid: Option<(Price, Qty)>,
    /// What it sells; absent or of no lots, nothing more.
    pub ask: Option<(Price, Qty)>,
}

/// Quotes that are set by one message.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MassQuote {
    /// Whose.
    pub account: AccountId,
    /// Of which group.
    pub group: GroupName,
    /// The account's own word for the message.
    pub quote_id: String,
    /// Not carried out after this.
    pub valid_until: Option<Nanos>,
    /// What is to stand, series by series.
    pub quotes: Vec<QuoteEntry>,
    /// The session that takes new quotes with it when it ends.
    pub session: Option<u64>,
}

/// Which quotes are meant: those that everything given here fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QuoteFilter {
    /// Of one group.
    pub group: Option<GroupName>,
    /// In one series.
    pub instrument: Option<InstrumentId>,
    /// Of one set.
    pub set: Option<String>,
    /// Of one grade.
    pub grade: Option<GradeId>,
    /// In options, or in what is no option.
    pub is_option: Option<bool>,
    /// In series whose delta, in millionths of a lot of a future, lies between these, both included.
    pub delta: Option<(i64, i64)>,
}

/// What a market maker asks.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum QuoteCommand {
    /// Sets up a group, or gives it other terms.
    Protect {
        /// Whose.
        account: AccountId,
        /// Which group.
        group: GroupName,
        /// What it quotes.
        grade: GradeId,
        /// When it is pulled.
        terms: ProtectionTerms,
    },
    /// Ends a group with all that is open in it.
    Unprotect {
        /// Whose.
        account: AccountId,
        /// Which group.
        group: GroupName,
    },
    /// Lets a group quote again, with nothing counted.
    Reset {
        /// Whose.
        account: AccountId,
        /// Which group.
        group: GroupName,
    },
    /// Sets quotes.
    MassQuote(MassQuote),
    /// Cancels quotes.
    Cancel {
        /// Whose.
        account: AccountId,
        /// Which.
        filter: QuoteFilter,
    },
    /// Places an order that is a member of a group.
    Place {
        /// The order.
        order: PlaceOrder,
        /// Of which group.
        group: GroupName,
    },
}

/// What a market maker's order is, beyond an order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QuoteMark {
    /// Of which group.
    pub group: GroupName,
    /// Whether a mass quote placed it.
    pub is_quote: bool,
    /// The account's own word for the message that set it last.
    pub quote_id: String,
    /// The account's own word for quotes that belong together.
    pub set: String,
}

/// A group of an account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QuoteGroup {
    /// Its number in the engine.
    pub(crate) number: u32,
    /// What it quotes.
    pub grade: GradeId,
    /// When it is pulled.
    pub terms: ProtectionTerms,
    /// Its orders that are no quotes.
    pub(crate) members: BTreeSet<OrderId>,
}

/// All groups, and the orders that are in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Quoting {
    pub groups: BTreeMap<(AccountId, GroupName), QuoteGroup>,
    pub marks: BTreeMap<OrderId, QuoteMark>,
}

impl Quoting {
    /// The groups of an account, by name.
    pub(crate) fn groups_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (&GroupName, &QuoteGroup)> {
        let first = (account, GroupName::Named(String::new()));
        let of_account = self.groups.range(first..).take_while(move |(key, _)| key.0 == account);
        of_account.map(|(key, group)| (&key.1, group))
    }

    /// The name of a group that the engine calls by its number.
    pub(crate) fn name_of(&self, account: AccountId, number: u32) -> Option<GroupName> {
        let mut groups = self.groups_of(account);
        groups.find(|(_, group)| group.number == number).map(|(name, _)| name.clone())
    }

    /// The first number that none of the account's groups has; `None` when it has as many as it may.
    pub(crate) fn free_number(&self, account: AccountId) -> Option<u32> {
        let taken: BTreeSet<u32> = self.groups_of(account).map(|(_, group)| group.number).collect();
        let most = u32::try_from(GROUPS_MAX).unwrap_or(u32::MAX);
        (1..=most).find(|number| !taken.contains(number))
    }

    /// An order has ended.
    pub(crate) fn forget(&mut self, account: AccountId, order: OrderId) {
        let Some(mark) = self.marks.remove(&order) else { return };
        if let Some(group) = self.groups.get_mut(&(account, mark.group)) {
            group.members.remove(&order);
        }
    }
}

impl Exchange {
    pub(crate) fn quoting(
        &mut self,
        command: &QuoteCommand,
        events: &mut Vec<crate::Event>,
    ) -> Result<(), Reject> {
        match command {
            QuoteCommand::Protect { account, group, grade, terms } => {
                self.protect(*account, (group, grade), terms, events)
            }
            QuoteCommand::Unprotect { account, group } => self.unprotect(*account, group, events),
            QuoteCommand::Reset { account, group } => {
                self.reset_protection(*account, group, events)
            }
            QuoteCommand::MassQuote(request) => self.mass_quote(request, events),
            QuoteCommand::Cancel { account, filter } => {
                self.cancel_quotes(*account, filter, events)
            }
            QuoteCommand::Place { order, group } => self.place_member(order, group, events),
        }
    }

    /// A group that was set up.
    pub(crate) fn group(
        &self,
        account: AccountId,
        name: &GroupName,
    ) -> Result<&QuoteGroup, Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        let group = self.quoting.groups.get(&(account, name.clone()));
        group.ok_or(Reject::Quote(QuoteReject::UnknownGroup))
    }

    /// A group that may quote.
    pub(crate) fn group_that_may(
        &self,
        account: AccountId,
        name: &GroupName,
    ) -> Result<&QuoteGroup, Reject> {
        let group = self.group(account, name)?;
        let protection = self.engine.protection(account, group.number);
        match protection.and_then(|protection| protection.frozen(self.now)) {
            Some(frozen) => Err(Reject::Quote(QuoteReject::GroupFrozen { until: frozen.until() })),
            None => Ok(group),
        }
    }

    /// An account's groups, by name, each with what it has traded in its window.
    pub fn quote_groups(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (&GroupName, &QuoteGroup, &Protection)> {
        self.quoting.groups_of(account).filter_map(move |(name, group)| {
            Some((name, group, self.engine.protection(account, group.number)?))
        })
    }

    /// What an open order is, beyond an order.
    #[must_use]
    pub fn quote_mark(&self, order: OrderId) -> Option<&QuoteMark> {
        self.quoting.marks.get(&order)
    }

    /// The quotes of an account that a filter lets through, by id.
    pub(crate) fn quotes_of(&self, account: AccountId, filter: &QuoteFilter) -> Vec<OrderId> {
        let mut found = BTreeSet::new();
        for (name, group) in self.quoting.groups_of(account) {
            if filter.group.as_ref().is_some_and(|only| only != name) {
                continue;
            }
            for (instrument, bid, ask) in self.engine.quotes(account, group.number) {
                if self.lets_through(filter, instrument) {
                    found.extend([bid, ask].into_iter().flatten());
                }
            }
        }
        let is_of_set = |order: &OrderId| {
            let set = self.quoting.marks.get(order).map(|mark| &mark.set);
            filter.set.is_none() || filter.set.as_ref() == set
        };
        found.into_iter().filter(is_of_set).collect()
    }

    fn lets_through(&self, filter: &QuoteFilter, instrument: InstrumentId) -> bool {
        let Some(series) = self.series.get(&instrument) else { return false };
        let terms = &series.instrument;
        let is_option = terms.strike().is_some();
        filter.instrument.is_none_or(|only| only == instrument)
            && filter.grade.as_ref().is_none_or(|only| *only == terms.grade)
            && filter.is_option.is_none_or(|only| only == is_option)
            && filter.delta.is_none_or(|(low, high)| {
                (low..=high).contains(&self.delta_of(instrument, is_option))
            })
    }

    /// Of a lot, in millionths of a lot of a future.
    fn delta_of(&self, instrument: InstrumentId, is_option: bool) -> i64 {
        let published = self.margins.options.get(&instrument);
        match published {
            Some(risk) => risk.greeks.delta,
            None if is_option => 0,
            None => 1_000_000,
        }
    }
}
