//! Changes how an account's margin is computed, if it could carry what it has that way.

use instruments::AccountId;

use crate::Exchange;
use crate::event::Event;
use crate::margins::MarginMode;
use crate::rehold::saturate;
use crate::reject::Reject;

impl Exchange {
    pub(crate) fn set_margin_mode(
        &mut self,
        account: AccountId,
        mode: MarginMode,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        if !self.accounts.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if self.margin_mode(account) == mode {
            return Err(Reject::MarginModeSet);
        }
        let required = self.required_in_mode(account, mode);
        let available = self.available_for(account, &required);
        if available < required.initial() {
            let (required, available) = (saturate(required.initial()), saturate(available));
            return Err(Reject::MarginModeNotCarried { required, available });
        }

        // From here on nothing can fail.
        if let Some(record) = self.accounts.get_mut(&account) {
            record.margin_mode = mode;
        }
        if mode == MarginMode::Standard {
            self.margins.risk.forget(account);
        }
        events.push(Event::MarginModeChanged { account, mode });
        self.rehold(account);
        Ok(())
    }
}
