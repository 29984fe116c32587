//! A session's requests: read, checked, submitted in the order they came, answered as their outcomes come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use instruments::Nanos;

use super::Session;
use crate::auth::Caller;
use crate::methods::{self, Answer, LoggedIn, Method, Spec};
use crate::wire::{ErrorCode, Params, Request, WireError, to_result};

/// Who is logged in on a session, until it logs out or the session ends: only its tokens expire.
pub(super) struct Login {
    caller: Caller,
    access_token: String,
}

type Reply = Pin<Box<dyn Future<Output = String> + Send>>;

/// Requests whose outcome is awaited.
#[derive(Default)]
pub(super) struct Requests(FuturesUnordered<Reply>);

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The next reply; never `None` while one is awaited.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.0.next().await
    }
}

impl Session {
    /// Reads a request. The reply, or `None` while its outcome is awaited.
    pub(super) async fn request(&mut self, text: &str) -> Option<String> {
        let received_at = self.gateway.venue.now();
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(unreadable) => {
                tracing::debug!(code = unreadable.error.code().code(), "frame refused");
                let answer = Err(unreadable.error);
                return Some(self.gateway.reply(unreadable.id.as_deref(), &answer, received_at));
            }
        };
        let caller = self.login.as_ref().map(|login| login.caller.clone());
        let checked = methods::by_name(&request.method)
            .and_then(|spec| spec.check(caller.as_ref(), &request.params).map(|()| spec));
        let spec = match checked {
            Ok(spec) => spec,
            Err(error) => {
                return Some(self.gateway.reply(Some(&request.id), &Err(error), received_at));
            }
        };
        match self.own_method(spec, &request.params, caller.as_ref()) {
            Some(answer) => Some(self.gateway.reply(Some(&request.id), &answer, received_at)),
            None => self.begin(spec.method, request, caller, received_at).await,
        }
    }

    /// Begins a request that may have to wait, up to where it waits.
    async fn begin(
        &mut self,
        method: Method,
        request: Request,
        caller: Option<Caller>,
        received_at: Nanos,
    ) -> Option<String> {
        let gateway = Arc::clone(&self.gateway);
        let placed = self.on_disconnect.watch(method);
        let mut reply: Reply = Box::pin(async move {
            let answer = methods::call(&gateway, caller.as_ref(), method, &request.params).await;
            if let (Some(placed), Ok(answer)) = (placed, &answer) {
                placed.note(&gateway, answer);
            }
            gateway.reply(Some(&request.id), &answer, received_at)
        });
        let first = std::future::poll_fn(|context| Poll::Ready(reply.as_mut().poll(context))).await;
        match first {
            Poll::Ready(reply) => Some(reply),
            Poll::Pending => {
                self.requests.0.push(reply);
                None
            }
        }
    }

    /// Methods about the session itself; `None` when it is another.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the table of all methods is in `call`")]
    fn own_method(
        &mut self,
        spec: &Spec,
        params: &Params,
        caller: Option<&Caller>,
    ) -> Option<Answer> {
        Some(match spec.method {
            Method::Auth => self.log_in(params),
            Method::Logout => self.log_out(params),
            Method::Subscribe => self.subscribe(params, None),
            Method::PrivateSubscribe => self.subscribe(params, caller),
            Method::Unsubscribe | Method::PrivateUnsubscribe => params
                .required_texts("channels")
                .map(|names| to_result(&self.subscriptions.unsubscribe(&names))),
            Method::UnsubscribeAll | Method::PrivateUnsubscribeAll => {
                self.subscriptions.clear();
                Ok(to_result(&"ok"))
            }
            Method::Connection(method) => self.connection(method, params, caller),
            _ => return None,
        })
    }

    fn log_in(&mut self, params: &Params) -> Answer {
        let LoggedIn { caller, answer } = methods::log_in(&self.gateway, params)?;
        let is_other =
            self.login.as_ref().is_some_and(|login| login.caller.account != caller.account);
        if is_other {
            let reason = "the session is another account's; open a new one";
            return Err(WireError::new(ErrorCode::BadRequest, reason));
        }
        let access_token = answer.access_token.clone();
        self.login = Some(Login { caller, access_token });
        Ok(to_result(&answer))
    }

    fn log_out(&mut self, params: &Params) -> Answer {
        let ends_token = params.flag("invalidate_token")?.unwrap_or(true);
        if let Some(login) = self.login.take().filter(|_| ends_token) {
            self.gateway.authority.revoke(&login.access_token);
        }
        // Whoever logs out means to leave its orders.
        self.on_disconnect.disable();
        self.subscriptions.clear_private();
        Ok(to_result(&"ok"))
    }

    fn subscribe(&mut self, params: &Params, caller: Option<&Caller>) -> Answer {
        let names = params.required_texts("channels")?;
        if names.is_empty() {
            return Err(WireError::param("channels", "must name at least one channel"));
        }
        // Before the exchange is read: what happens in between must not be missed.
        let venue = &self.gateway.venue;
        self.events.get_or_insert_with(|| venue.subscribe());
        if names.iter().any(|name| name == "verifier.tasks") {
            self.tasks.get_or_insert_with(|| venue.subscribe_verifier_tasks());
        }
        let granted = self.subscriptions.subscribe(&self.gateway, caller, &names)?;
        Ok(to_result(&granted))
    }
}
