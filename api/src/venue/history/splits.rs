//! Splits of losses among those who bear them, with what each follows from: whoever has a line can check it.

use borsh::{BorshDeserialize, BorshSerialize};
use exchange::{DefaultEvent, Event, SplitPurpose};
use instruments::{AccountId, Nanos};
use settlement::{SplitLine, SplitPage};

use super::{Draft, History, Place, key};
use crate::venue::publish::Published;

/// One account's line of a split.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SplitLineRecord {
    /// When.
    pub at: Nanos,
    /// What was split.
    pub purpose: SplitPurpose,
    /// The line.
    pub line: SplitLine,
    /// On which page it stands, from 1.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
}

/// One page of a split.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SplitPageRecord {
    /// When.
    pub at: Nanos,
    /// What was split.
    pub purpose: SplitPurpose,
    /// The page.
    pub page: SplitPage,
}

impl History {
    /// The splits before a place in which an account has a line, newest first. A split's place is its first page's.
    #[must_use]
    pub fn split_lines(
        &self,
        account: AccountId,
        before: Option<Place>,
        limit: usize,
    ) -> Vec<(Place, SplitLineRecord)> {
        let before = before.map(|place| key::happened(account.0, place));
        let of_account = key::account(account);
        let rows = self.newest(&key::SPLIT_LINES, &of_account, before.as_deref(), limit);
        let row = |(key, value): &(Vec<u8>, Vec<u8>)| Some((key::place(key)?, self.decode(value)?));
        rows.iter().filter_map(row).collect()
    }

    /// An account's line of one split.
    #[must_use]
    pub fn split_line(&self, account: AccountId, split: Place) -> Option<SplitLineRecord> {
        self.get(&key::SPLIT_LINES, &key::happened(account.0, split))
    }

    /// One page of a split, from 1.
    #[must_use]
    pub fn split_page(&self, split: Place, page: u32) -> Option<SplitPageRecord> {
        self.get(&key::SPLIT_PAGES, &key::page(split, page))
    }
}

impl Draft<'_> {
    pub(super) fn splits(&mut self, published: &Published) {
        let mut split = Place { seq: published.seq, event: 0 };
        for (event, place) in published.events.iter().zip(0_u32..) {
            let Event::Default(DefaultEvent::LossSplit { purpose, page }) = event else { continue };
            if page.page == 1 {
                split.event = place;
            }
            let (at, purpose) = (published.at, *purpose);
            for line in &page.lines {
                let (line, page, pages) = (*line, page.page, page.pages);
                let record = SplitLineRecord { at, purpose, line, page, pages };
                let key = key::happened(line.account.0, split);
                self.put(&key::SPLIT_LINES, key, &record);
            }
            let key = key::page(split, page.page);
            let record = SplitPageRecord { at, purpose, page: page.as_ref().clone() };
            self.put(&key::SPLIT_PAGES, key, &record);
        }
    }
}
