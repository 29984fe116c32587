//! Groups of quotes: what stands in which book, and pulling all of it at once.
//!
//! A group knows the ids of its quotes; a quote that was filled, or ended in any other way, leaves an id that finds nothing, which is the
//! same as no id.

use instruments::{AccountId, InstrumentId, OrderId};

use super::Engine;
use super::quote::MEMBER;
use crate::event::{BookEvent, CancelReason};
use crate::protection::{Fill, Limits, Protection};
use crate::slab::Slab;

/// Groups of one account: a trip looks at one of them, a wish to end all quotes at all.
pub const GROUPS_MAX: usize = 32;

/// Books in which one group has quotes, which bounds the time that a trip takes.
pub const GROUP_BOOKS_MAX: usize = 256;

/// Account and number.
pub(crate) type GroupKey = (u32, u32);

/// Quotes that are pulled together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) protection: Protection,
    /// By book. An id may be one whose order has ended.
    pub(crate) quotes: Vec<Quoted>,
}

/// A group's quotes in one book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quoted {
    pub(crate) book: InstrumentId,
    pub(crate) bid: Option<OrderId>,
    pub(crate) ask: Option<OrderId>,
}

impl Engine {
    /// Sets up a group, or gives it other limits. Says no when the account has [`GROUPS_MAX`] groups already, or one of the
    /// numbers is out of range.
    pub fn set_protection(&mut self, account: AccountId, group: u32, limits: Limits) -> bool {
        let Some(key) = key_of(account, group).filter(|key| key.1 < MEMBER) else { return false };
        if let Some(group) = self.groups.get_mut(&key) {
            group.protection.set_limits(limits);
            return true;
        }
        if GROUPS_MAX <= self.groups_of(key.0) {
            return false;
        }
        let protection = Protection::new(limits);
        self.groups.insert(key, Group { protection, quotes: Vec::new() });
        true
    }

    /// Lets a group quote again, with nothing counted. Says no when it was never set up.
    pub fn reset_protection(&mut self, account: AccountId, group: u32) -> bool {
        let group = key_of(account, group).and_then(|key| self.groups.get_mut(&key));
        group.is_some_and(|group| {
            group.protection.reset();
            true
        })
    }

    /// Ends all quotes of a group, or of all groups of an account: by group, then by book, the bid before the ask.
    pub fn cancel_quotes(
        &mut self,
        account: AccountId,
        group: Option<u32>,
        reason: CancelReason,
        out: &mut Vec<BookEvent>,
    ) {
        let mut next = key_of(account, group.unwrap_or(0));
        while let Some(first) = next {
            let key = self.groups.range(first..).next().map(|(key, _)| *key);
            let is_meant =
                |key: &GroupKey| key.0 == first.0 && group.is_none_or(|group| group == key.1);
            let Some(key) = key.filter(is_meant) else { break };
            self.pull_quotes(key, reason, out);
            next = key.1.checked_add(1).map(|group| (key.0, group));
        }
    }

    /// The protection of a group that was set up.
    #[must_use]
    pub fn protection(&self, account: AccountId, group: u32) -> Option<&Protection> {
        Some(&self.groups.get(&key_of(account, group)?)?.protection)
    }

    /// The quotes of a group that rest, by book: the ids of bid and ask.
    pub fn quotes(
        &self,
        account: AccountId,
        group: u32,
    ) -> impl Iterator<Item = (InstrumentId, Option<OrderId>, Option<OrderId>)> {
        let group = key_of(account, group).and_then(|key| self.groups.get(&key));
        let quotes = group.map_or(&[][..], |group| &group.quotes).iter();
        quotes.map(|quoted| quoted.living(&self.slab)).filter_map(|quoted| {
            let Quoted { book, bid, ask } = quoted;
            (!quoted.is_empty()).then_some((book, bid, ask))
        })
    }

    /// The quotes of a group that rest in one book: the ids of bid and ask.
    #[must_use]
    pub fn quotes_in(
        &self,
        account: AccountId,
        group: u32,
        book: InstrumentId,
    ) -> [Option<OrderId>; 2] {
        let quoted = key_of(account, group).map(|key| self.quoted(key, book));
        quoted.map_or([None, None], |quoted| [quoted.bid, quoted.ask])
    }

    /// How many groups an account has.
    pub(super) fn groups_of(&self, account: u32) -> usize {
        self.groups.range((account, 0)..=(account, u32::MAX)).count()
    }

    pub(super) fn may_quote(&self, key: GroupKey) -> bool {
        let group = self.groups.get(&key);
        group.is_some_and(|group| group.protection.frozen(self.now).is_none())
    }

    /// What a group has resting in a book.
    pub(super) fn quoted(&self, key: GroupKey, book: InstrumentId) -> Quoted {
        let group = self.groups.get(&key);
        let quoted = group.and_then(|group| group.quotes.get(group.place_of(book).ok()?));
        quoted.unwrap_or(&Quoted { book, bid: None, ask: None }).living(&self.slab)
    }

    /// Ends every quote of a group: by book, the bid before the ask.
    fn pull_quotes(&mut self, key: GroupKey, reason: CancelReason, out: &mut Vec<BookEvent>) {
        let Some(group) = self.groups.get_mut(&key) else { return };
        let mut quotes = std::mem::take(&mut group.quotes);
        for quoted in quotes.drain(..) {
            let Quoted { bid, ask, .. } = quoted.living(&self.slab);
            for id in [bid, ask].into_iter().flatten() {
                self.cancel(id, reason, out);
            }
        }
        // Its room is kept for the next quotes.
        if let Some(group) = self.groups.get_mut(&key) {
            group.quotes = quotes;
        }
    }

    /// Counts what quotes have traded in a command, then pulls the groups that have had enough, by account and number.
    #[inline(never)]
    pub(super) fn protect(&mut self, out: &mut Vec<BookEvent>) {
        let mut fills = std::mem::take(&mut self.fills);
        for fill in &fills {
            if let Some(group) = self.groups.get_mut(&fill.key()) {
                group.protection.count(self.now, fill);
            }
        }
        fills.sort_unstable_by_key(Fill::key);
        fills.dedup_by_key(|fill| fill.key());
        for fill in &fills {
            let (account, group) = fill.key();
            let entry = self.groups.get_mut(&(account, group));
            if let Some(frozen) = entry.and_then(|group| group.protection.trip(self.now)) {
                let (account, until) = (AccountId(u64::from(account)), frozen.until());
                self.say(BookEvent::Tripped { account, group, until }, out);
                self.pull_quotes(fill.key(), CancelReason::Protection, out);
            }
        }
        fills.clear();
        self.fills = fills;
    }
}

impl Group {
    /// Whether quotes in `book` have room. Books in which nothing rests any more make room first.
    pub(super) fn has_room(&mut self, book: InstrumentId, slab: &Slab) -> bool {
        if self.quotes.len() < GROUP_BOOKS_MAX || self.place_of(book).is_ok() {
            return true;
        }
        self.quotes.retain(|quoted| !quoted.living(slab).is_empty());
        self.quotes.len() < GROUP_BOOKS_MAX
    }

    /// Where a book's quotes are, or would be.
    fn place_of(&self, book: InstrumentId) -> Result<usize, usize> {
        self.quotes.binary_search_by_key(&book, |quoted| quoted.book)
    }

    /// Remembers what stands in one book.
    pub(super) fn keep(&mut self, quoted: Quoted) {
        match self.place_of(quoted.book) {
            Ok(at) if quoted.is_empty() => drop(self.quotes.remove(at)),
            Ok(at) => {
                if let Some(entry) = self.quotes.get_mut(at) {
                    *entry = quoted;
                }
            }
            Err(_) if quoted.is_empty() => {}
            Err(at) => self.quotes.insert(at, quoted),
        }
    }
}

impl Quoted {
    /// Without the ids whose orders have ended.
    pub(crate) fn living(&self, slab: &Slab) -> Self {
        let lives = |id: &OrderId| slab.find(*id).is_some();
        Self { book: self.book, bid: self.bid.filter(lives), ask: self.ask.filter(lives) }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bid.is_none() && self.ask.is_none()
    }
}

impl Fill {
    const fn key(&self) -> GroupKey {
        (self.account, self.group)
    }
}

pub(super) fn key_of(account: AccountId, group: u32) -> Option<GroupKey> {
    u32::try_from(account.0).ok().map(|account| (account, group))
}
