//! Orders that end with the session over which they were placed.
//!
//! Only orders placed after it was asked for, and only over this session: another session's orders are another program's. Requests under
//! way when the session ends are waited for first, so that no order slips through.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchange::limits::OPEN_ORDERS_PER_ACCOUNT_MAX;
use exchange::{Command, Exchange};
use futures_util::future::join_all;
use instruments::{AccountId, OrderId};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{IN_FLIGHT_MAX, Session};
use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::methods::{self, Answer, Connection, Method};
use crate::wire::{ErrorCode, Params, WireError, to_result};

/// What of a session ends with it.
#[derive(Default)]
pub(super) struct OnDisconnect {
    enabled: Option<(AccountId, Placed)>,
}

/// Orders placed over a session. Shared with the requests under way.
#[derive(Clone, Default)]
pub(super) struct Placed(Arc<Mutex<BTreeSet<OrderId>>>);

/// Of the reply to an order, what names it.
#[derive(Deserialize)]
struct PlacedReply {
    order: PlacedOrder,
}

#[derive(Deserialize)]
struct PlacedOrder {
    order_id: String,
}

impl Placed {
    /// Notes the order of a reply.
    pub(super) fn note(&self, gateway: &Gateway, reply: &RawValue) {
        let order = serde_json::from_str(reply.get()).ok().map(|reply: PlacedReply| reply.order);
        let number = order.and_then(|order| order.order_id.strip_prefix("T-")?.parse().ok());
        let limit = usize::try_from(OPEN_ORDERS_PER_ACCOUNT_MAX).unwrap_or(usize::MAX);
        let mut all = {
            let mut placed = self.0.lock();
            placed.extend(number.map(OrderId));
            if placed.len() <= limit.saturating_mul(2) {
                return;
            }
            std::mem::take(&mut *placed)
        };
        // What has ended by itself is forgotten: no more are kept than an account can have open, and as many again.
        let exchange = gateway.venue.exchange();
        all.retain(|order| is_open(&exchange, *order));
        drop(exchange);
        self.0.lock().extend(all);
    }
}

fn is_open(exchange: &Exchange, order: OrderId) -> bool {
    exchange.open_order(order).is_some()
}

impl OnDisconnect {
    /// Where a request notes the order that it places; `None` when it places none, or nobody asked.
    pub(super) fn watch(&self, method: Method) -> Option<Placed> {
        let (_, placed) = self.enabled.as_ref()?;
        matches!(method, Method::Buy | Method::Sell).then(|| placed.clone())
    }

    pub(super) fn disable(&mut self) {
        self.enabled = None;
    }
}

/// What happens to a session's orders when it ends.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CancelOnDisconnect {
    /// `connection`.
    scope: &'static str,
    /// Whether they are cancelled.
    enabled: bool,
}

impl Session {
    /// Methods about the connection itself.
    pub(super) fn connection(
        &mut self,
        method: Connection,
        params: &Params,
        caller: Option<&Caller>,
    ) -> Answer {
        match method {
            Connection::SetHeartbeat => return self.set_heartbeat(params),
            Connection::DisableHeartbeat => self.heartbeat = None,
            Connection::EnableCancelOnDisconnect => {
                check_scope(params)?;
                let account = methods::authorized(caller)?.account;
                self.on_disconnect.enabled.get_or_insert_with(|| (account, Placed::default()));
            }
            Connection::DisableCancelOnDisconnect => {
                check_scope(params)?;
                self.on_disconnect.disable();
            }
            Connection::GetCancelOnDisconnect => {
                check_scope(params)?;
                let enabled = self.on_disconnect.enabled.is_some();
                return Ok(to_result(&CancelOnDisconnect { scope: "connection", enabled }));
            }
        }
        Ok(to_result(&"ok"))
    }

    /// Cancels what ends with the session.
    pub(super) async fn cancel_on_disconnect(&mut self) {
        let Some((account, placed)) = self.on_disconnect.enabled.take() else { return };
        while self.requests.next().await.is_some() {}
        let placed = std::mem::take(&mut *placed.0.lock());
        let open: Vec<OrderId> = {
            let exchange = self.gateway.venue.exchange();
            placed.into_iter().filter(|order| is_open(&exchange, *order)).collect()
        };
        // As many at once as a session may have under way.
        for orders in open.chunks(IN_FLIGHT_MAX) {
            let cancels = orders.iter().map(|order| {
                self.gateway.venue.submit(Command::CancelOrder { account, order: *order })
            });
            for outcome in join_all(cancels).await {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "an order of a session that has ended was not cancelled");
                }
            }
        }
    }
}

fn check_scope(params: &Params) -> Result<(), WireError> {
    match params.text("scope")?.as_deref() {
        None | Some("connection") => Ok(()),
        Some("account") => {
            let reason = "only scope connection is kept: ask for it on each session";
            Err(WireError::new(ErrorCode::NotImplemented, reason).of("scope"))
        }
        Some(_) => Err(WireError::param("scope", "must be connection or account")),
    }
}
