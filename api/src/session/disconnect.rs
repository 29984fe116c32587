//! Orders that end with the session over which they were placed.
//!
//! Only orders placed after it was asked for, and only over this session: another session's orders are another program's. An order carries
//! its session into the exchange, so that a venue that is killed takes it along at its next start. Requests under way when the session
//! ends are waited for first, so that no order slips through.

use std::time::Duration;

use exchange::Command;
use instruments::AccountId;

use super::Session;
use crate::auth::Caller;
use crate::methods::{
    self, Answer, Connection, DisconnectScope, Method, OnDisconnectState, Quotes,
    disconnect_of_account, disconnect_scope,
};
use crate::raise;
use crate::venue::SubmitError;
use crate::wire::{Params, WireError, to_result};

/// How often a venue that is overwhelmed is asked to take a session's orders off.
const ATTEMPTS_MAX: u32 = 100;
/// And how long is waited in between.
const ATTEMPT_EVERY: Duration = Duration::from_millis(100);

/// What of a session ends with it.
pub(super) struct OnDisconnect {
    session: u64,
    enabled: Option<AccountId>,
    /// Whose orders may be tied to the session.
    placed: Option<AccountId>,
}

impl OnDisconnect {
    pub(super) const fn new(session: u64) -> Self {
        Self { session, enabled: None, placed: None }
    }

    pub(super) fn enable(&mut self, account: AccountId) {
        self.enabled.get_or_insert(account);
    }

    /// The session that an order is tied to; `None` when the request places none, or nobody asked.
    pub(super) fn watch(&mut self, method: Method) -> Option<u64> {
        let account = self.enabled?;
        if !matches!(method, Method::Buy | Method::Sell | Method::Quotes(Quotes::MassQuote)) {
            return None;
        }
        self.placed = Some(account);
        Some(self.session)
    }
}

impl Session {
    /// Methods about the connection itself.
    pub(super) async fn connection(
        &mut self,
        method: Connection,
        params: &Params,
        caller: Option<&Caller>,
    ) -> Answer {
        match method {
            Connection::SetHeartbeat => return self.set_heartbeat(params),
            Connection::DisableHeartbeat => {
                self.heartbeat = None;
                return Ok(to_result(&"ok"));
            }
            Connection::EnableCancelOnDisconnect
            | Connection::DisableCancelOnDisconnect
            | Connection::GetCancelOnDisconnect => {}
        }
        let caller = methods::authorized(caller)?;
        let is_asked = method == Connection::GetCancelOnDisconnect;
        if disconnect_scope(params)? == DisconnectScope::Account {
            let answer = disconnect_of_account(&self.gateway, caller, method, params).await?;
            if is_asked {
                return Ok(answer);
            }
        }
        if is_asked {
            let enabled = self.on_disconnect.enabled.is_some();
            return Ok(to_result(&OnDisconnectState { scope: "connection", enabled }));
        }
        if method == Connection::EnableCancelOnDisconnect {
            self.on_disconnect.enable(caller.account);
        } else {
            self.keep_orders().await?;
        }
        Ok(to_result(&"ok"))
    }

    /// Lets go of what would end with the session, and of nothing else from now on.
    pub(super) async fn keep_orders(&mut self) -> Result<(), WireError> {
        if let Some(account) = self.on_disconnect.placed {
            let session = self.on_disconnect.session;
            let command = Command::EndSession { account, session, keeps_orders: true };
            let kept = self.gateway.venue.submit(command).await;
            kept.map_err(|error| raise::submit_error(&error))?;
        }
        self.on_disconnect.placed = None;
        self.on_disconnect.enabled = None;
        Ok(())
    }

    /// Cancels what ends with the session.
    pub(super) async fn cancel_on_disconnect(&mut self) {
        let Some(account) = self.on_disconnect.placed.take() else { return };
        while self.requests.next().await.is_some() {}
        let session = self.on_disconnect.session;
        for _ in 0..ATTEMPTS_MAX {
            let command = Command::EndSession { account, session, keeps_orders: false };
            match self.gateway.venue.submit(command).await {
                Ok(_) => return,
                Err(SubmitError::Overloaded { .. }) => tokio::time::sleep(ATTEMPT_EVERY).await,
                // The next start cancels them.
                Err(error) => {
                    tracing::debug!(%error, "the orders of a session wait for the next start");
                    return;
                }
            }
        }
        tracing::error!(%account, "the orders of a session that has ended were not cancelled");
    }
}
