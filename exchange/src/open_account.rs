//! Opens an account.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::AccountId;

use crate::event::Event;
use crate::limits::{ACCOUNT_NAME_LEN_MAX, ACCOUNTS_MAX};
use crate::margins::MarginMode;
use crate::reject::Reject;
use crate::{Exchange, Issued};

/// A party that holds money and positions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// For reports.
    pub name: String,
    /// Whether its verdicts count.
    pub is_verifier: bool,
    /// The address of the key that signs its delivery receipts.
    pub signer: Option<[u8; 20]>,
    /// How many orders it has open.
    pub open_orders: u64,
    /// How its margin is computed.
    pub margin_mode: MarginMode,
}

impl Exchange {
    pub(crate) fn open_account(
        &mut self,
        name: &str,
        is_verifier: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if name.is_empty() || ACCOUNT_NAME_LEN_MAX < name.len() {
            return Err(Reject::BadAccountName);
        }
        if self.accounts_by_name.contains_key(name) {
            return Err(Reject::AccountNameTaken);
        }
        if ACCOUNTS_MAX <= self.accounts.len() {
            return Err(Reject::TooManyAccounts {
                limit: u64::try_from(ACCOUNTS_MAX).unwrap_or(u64::MAX),
            });
        }

        // From here on nothing can fail.
        let account = AccountId(Issued::next(&mut self.issued.accounts));
        let name = name.to_owned();
        self.accounts_by_name.insert(name.clone(), account);
        let margin_mode = MarginMode::Standard;
        let record =
            Account { name: name.clone(), is_verifier, signer: None, open_orders: 0, margin_mode };
        self.accounts.insert(account, record);
        events.push(Event::AccountOpened { account, name });
        Ok(())
    }

    /// Says which key signs an account's receipts. A new key applies from the next receipt on.
    pub(crate) fn nominate_agent(
        &mut self,
        account: AccountId,
        signer: [u8; 20],
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let record = self.accounts.get_mut(&account).ok_or(Reject::UnknownAccount)?;

        // From here on nothing can fail.
        record.signer = Some(signer);
        events.push(Event::AgentNominated { account, signer });
        Ok(())
    }
}
