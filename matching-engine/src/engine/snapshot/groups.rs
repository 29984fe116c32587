//! What a snapshot keeps of groups of quotes: their protection. Which quotes are whose, the orders say.

use std::io::{Read, Result, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Side;

use super::{check, damaged};
use crate::engine::Engine;
use crate::engine::groups::{GROUP_BOOKS_MAX, GROUPS_MAX, Group, GroupKey};
use crate::engine::quote::MEMBER;
use crate::order::{PostOnly, StpMode, TimeInForce};
use crate::protection::Protection;
use crate::slab::{LEVEL, Slot, flag, flags_of};

/// What an order wishes that a mass quote has placed, its side aside.
const WISHES: u64 = flags_of(Side::Buy, TimeInForce::Gtc, PostOnly::Reject, StpMode::CancelNewest);

impl Engine {
    pub(super) fn write_groups<W: Write>(&self, writer: &mut W) -> Result<()> {
        u32::try_from(self.groups.len()).unwrap_or(u32::MAX).serialize(writer)?;
        self.groups.iter().try_for_each(|(key, group)| (key, group.protection).serialize(writer))
    }

    /// Reads the groups and gives them the quotes that rest; all orders are there already.
    pub(super) fn read_groups<R: Read>(&mut self, reader: &mut R) -> Result<()> {
        let mut last = None;
        for _ in 0..u32::deserialize_reader(reader)? {
            let (key, protection) = <(GroupKey, Protection)>::deserialize_reader(reader)?;
            check(last < Some(key), "groups are not in ascending order")?;
            last = Some(key);
            check(protection.is_sound(self.now), "a protection that counted what was not")?;
            self.groups.insert(key, Group { protection, quotes: Vec::new() });
            check(self.groups_of(key.0) <= GROUPS_MAX, "an account with too many groups")?;
        }
        (0..self.slab.slots()).try_for_each(|slot| self.read_quote(slot))?;
        let now = self.now;
        self.groups.values().try_for_each(|group| {
            let has_quotes = !group.quotes.is_empty();
            check(!has_quotes || group.protection.frozen(now).is_none(), "a frozen group's quote")?;
            check(group.quotes.len() <= GROUP_BOOKS_MAX, "a group with quotes in too many books")
        })
    }

    /// Gives an order to its group, if it is a quote.
    fn read_quote(&mut self, slot: Slot) -> Result<()> {
        let node = *self.slab.node(slot);
        // A level's stamp is a depth, which may look like any flags.
        if LEVEL <= node.level || !node.has(flag::QUOTE) {
            return Ok(());
        }
        let cold = self.slab.cold(slot);
        if cold.group & MEMBER != 0 {
            let key = (node.account, cold.group & !MEMBER);
            check(!node.has(flag::WAITING), "a member that waits")?;
            return check(self.groups.contains_key(&key), "a member of no group");
        }
        let special = flag::WAITING | flag::ICEBERG | flag::TOKEN;
        let wishes = node.stamp & (flag::FORCE | flag::POST_ONLY | flag::STP | special);
        check(wishes == WISHES && cold.ceiling.is_none(), "a quote that is no quote")?;
        let (key, id) = ((node.account, cold.group), node.id(slot));
        let (found, place) = self.find(id).ok_or_else(|| damaged("a quote nowhere"))?;
        check(found == slot, "a quote nowhere")?;
        let book = self.books.get(place).and_then(Option::as_ref);
        let book = book.ok_or_else(|| damaged("a quote in no book"))?.instrument;
        let mut quoted = self.quoted(key, book);
        let side = match node.side() {
            Side::Buy => &mut quoted.bid,
            Side::Sell => &mut quoted.ask,
        };
        check(side.replace(id).is_none(), "two quotes on one side")?;
        let group = self.groups.get_mut(&key).ok_or_else(|| damaged("a quote of no group"))?;
        group.keep(quoted);
        Ok(())
    }
}
