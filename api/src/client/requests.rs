//! The requests everybody needs, typed.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Client, ClientError};
use crate::auth::hmac_sha256;
use crate::wire::{Number, WireAccountSummary, WireOrder, WirePlaced, WirePosition};

/// A new order. [`NewOrder::limit`] and [`NewOrder::market`] begin one.
#[derive(Debug, Clone, Serialize)]
pub struct NewOrder {
    /// Which series.
    pub instrument_name: String,
    /// Lots.
    pub amount: Number,
    /// `limit`, `market`, `stop_limit`, `stop_market`, `take_limit` or `take_market`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Dollars per GPU-hour; none for a market order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Number>,
    /// `good_til_cancelled` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<&'static str>,
    /// Refuse rather than take.
    pub post_only: bool,
    /// Refuse unless it makes the position smaller.
    pub reduce_only: bool,
    /// How many lots it shows at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_amount: Option<Number>,
    /// What it waits for: `last_price`, `mark_price` or `index_price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<&'static str>,
    /// How far that has to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<Number>,
    /// The account's own word for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The account's own id of it: whoever sends the order again under it is given the one that was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// The last millisecond since 1970 at which it may be taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<u64>,
}

impl NewOrder {
    /// `lots` at `price` or better.
    #[must_use]
    pub fn limit(instrument_name: &str, lots: u64, price: Decimal) -> Self {
        Self { price: Some(price.into()), kind: "limit", ..Self::market(instrument_name, lots) }
    }

    /// `lots` at once, at most 5 % from the mark.
    #[must_use]
    pub fn market(instrument_name: &str, lots: u64) -> Self {
        Self {
            instrument_name: instrument_name.to_owned(),
            amount: Decimal::from(lots).into(),
            kind: "market",
            price: None,
            time_in_force: None,
            post_only: false,
            reduce_only: false,
            display_amount: None,
            trigger: None,
            trigger_price: None,
            label: String::new(),
            client_order_id: None,
            valid_until: None,
        }
    }

    /// Under an id of the account's own.
    #[must_use]
    pub fn client_order_id(mut self, id: &str) -> Self {
        self.client_order_id = Some(id.to_owned());
        self
    }

    /// Refused when it comes later than this, in milliseconds since 1970.
    #[must_use]
    pub fn valid_until(mut self, millis: u64) -> Self {
        self.valid_until = Some(millis);
        self
    }

    /// Refused rather than taker.
    #[must_use]
    pub fn post_only(mut self) -> Self {
        self.post_only = true;
        self
    }

    /// Refused unless it makes the position smaller.
    #[must_use]
    pub fn reduce_only(mut self) -> Self {
        self.reduce_only = true;
        self
    }

    /// What does not trade on arrival is cancelled.
    #[must_use]
    pub fn immediate_or_cancel(mut self) -> Self {
        self.time_in_force = Some("immediate_or_cancel");
        self
    }

    /// All trades on arrival, or nothing.
    #[must_use]
    pub fn fill_or_kill(mut self) -> Self {
        self.time_in_force = Some("fill_or_kill");
        self
    }

    /// Shows so many lots at most when it rests.
    #[must_use]
    pub fn showing(mut self, lots: u64) -> Self {
        self.display_amount = Some(Decimal::from(lots).into());
        self
    }

    /// Waits until the mark price goes against it as far as `price`.
    #[must_use]
    pub fn stop_at_mark(mut self, price: Decimal) -> Self {
        self.kind = if self.price.is_some() { "stop_limit" } else { "stop_market" };
        self.trigger = Some("mark_price");
        self.trigger_price = Some(price.into());
        self
    }

    /// Under the account's own word.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

/// A change of an open order.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// Which order.
    pub order_id: String,
    /// Its total size now, fills included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Number>,
    /// Its limit now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Number>,
}

impl Client {
    /// Logs in with a secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn auth(&self, client_id: &str, client_secret: &str) -> Result<(), ClientError> {
        let params = json!({
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        });
        self.call("public/auth", params).await.map(drop)
    }

    /// Logs in with a signature, so that the secret is never sent.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn auth_signed(
        &self,
        client_id: &str,
        client_secret: &str,
        nonce: &str,
    ) -> Result<(), ClientError> {
        let timestamp: u64 = self.call_as("public/get_time", "{}").await?;
        let signature = hmac_sha256(client_secret, &format!("{timestamp}\n{nonce}\n"));
        let params = json!({
            "grant_type": "client_signature",
            "client_id": client_id,
            "timestamp": timestamp,
            "nonce": nonce,
            "signature": hex::encode(signature),
        });
        self.call("public/auth", params).await.map(drop)
    }

    /// Buys.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn buy(&self, order: &NewOrder) -> Result<WirePlaced, ClientError> {
        self.call_as("private/buy", &text(order)).await
    }

    /// Sells.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sell(&self, order: &NewOrder) -> Result<WirePlaced, ClientError> {
        self.call_as("private/sell", &text(order)).await
    }

    /// Changes an open order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn edit(&self, edit: &Edit) -> Result<WirePlaced, ClientError> {
        self.call_as("private/edit", &text(edit)).await
    }

    /// Cancels an open order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel(&self, order_id: &str) -> Result<WireOrder, ClientError> {
        let params = json!({ "order_id": order_id }).to_string();
        self.call_as("private/cancel", &params).await
    }

    /// Cancels every open order, and says how many there were.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel_all(&self) -> Result<u64, ClientError> {
        self.call_as("private/cancel_all", "{}").await
    }

    /// Subscribes to channels, private ones after a login.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn subscribe(&self, channels: &[&str]) -> Result<(), ClientError> {
        let is_private = channels.iter().any(|channel| super::is_private(channel));
        let method = if is_private { "private/subscribe" } else { "public/subscribe" };
        self.call(method, json!({ "channels": channels })).await.map(drop)
    }

    /// The account's money.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_summary(&self) -> Result<WireAccountSummary, ClientError> {
        self.call_as("private/get_account_summary", "{}").await
    }

    /// The account's positions.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn positions(&self) -> Result<Vec<WirePosition>, ClientError> {
        self.call_as("private/get_positions", "{}").await
    }

    /// The newest order that the account has placed under an id of its own.
    ///
    /// # Errors
    /// [`ClientError`]; code 10004 when none was accepted so far.
    pub async fn order_by_client_id(&self, id: &str) -> Result<WireOrder, ClientError> {
        let params = json!({ "client_order_id": id }).to_string();
        self.call_as("private/get_order_state_by_client_order_id", &params).await
    }

    /// Cancels every order of the account after so many milliseconds unless it is asked again before; zero stops that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel_all_after(&self, millis: u64) -> Result<(), ClientError> {
        self.call("private/cancel_all_after", json!({ "timeout": millis })).await.map(drop)
    }

    /// Credits test money, in dollars.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn faucet(&self, dollars: u64) -> Result<Value, ClientError> {
        self.call("private/faucet", json!({ "amount": dollars })).await
    }
}

#[expect(clippy::expect_used, reason = "our own types have string keys and no failing writers")]
pub(super) fn text<T: Serialize>(params: &T) -> String {
    serde_json::to_string(params).expect("a request serializes")
}
