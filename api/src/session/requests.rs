//! A session's requests: read, checked, submitted in the order they came, answered as their outcomes come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use instruments::Nanos;

use super::{Ending, Session};
use crate::auth::Caller;
use crate::limits::{Charge, Class};
use crate::methods::{self, Answer, LoggedIn, Method, Spec};
use crate::socket::close_code;
use crate::wire::{Credits, ErrorCode, Params, Request, WireError, to_result};

/// Who is logged in on a session, until it logs out or the session ends: only its tokens expire.
pub(super) struct Login {
    caller: Caller,
    access_token: String,
}

impl Login {
    pub(super) const fn account(&self) -> instruments::AccountId {
        self.caller.account
    }
}

/// When a request came, and what is left of what it cost.
#[derive(Clone, Copy)]
struct Received {
    at: Nanos,
    credits: Credits,
}

/// `None` where it is not known what came of the request.
type Reply = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Requests whose outcome is awaited.
#[derive(Default)]
pub(super) struct Requests(FuturesUnordered<Reply>);

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The next reply; never `None` while one is awaited. Within it is `None` where it is not known what came of the request.
    pub(super) async fn next(&mut self) -> Option<Option<String>> {
        self.0.next().await
    }
}

impl Session {
    /// Reads a request. The reply, or `None` while its outcome is awaited.
    pub(super) async fn request(&mut self, text: &str) -> Option<String> {
        let at = self.gateway.venue.now();
        let parsed = Request::parse(text);
        let (id, charge) = match &parsed {
            Ok(request) => {
                let spec = methods::by_name(&request.method);
                let charge = spec.map(|spec| Charge::of(spec, &request.params));
                (Some(request.id.clone()), charge.unwrap_or(Charge::one(Class::Query)))
            }
            // What cannot be read costs work too.
            Err(unreadable) => (unreadable.id.clone(), Charge::one(Class::Query)),
        };
        let credits = match self.pay(charge) {
            Ok(credits) => credits,
            Err((error, credits)) => {
                return Some(self.gateway.paid_reply(
                    id.as_deref(),
                    &Err(error),
                    at,
                    Some(credits),
                ));
            }
        };
        let received = Received { at, credits };
        match parsed {
            Ok(request) => self.read(request, received).await,
            Err(unreadable) => {
                tracing::debug!(code = unreadable.error.code().code(), "frame refused");
                Some(self.reply(id.as_deref(), &Err(unreadable.error), received))
            }
        }
    }

    /// Takes what a request costs from whoever sends it.
    fn pay(&mut self, charge: Charge) -> Result<Credits, (WireError, Credits)> {
        let charged = self.gateway.meters.charge(&self.meter, charge);
        charged.map_err(|breach| {
            let error = self.gateway.refuse(&breach);
            if breach.ends {
                self.abuse = Some(Ending::new(close_code::POLICY, error.reason()));
            }
            (error, breach.credits)
        })
    }

    fn reply(
        &self,
        id: Option<&serde_json::value::RawValue>,
        answer: &Answer,
        received: Received,
    ) -> String {
        self.gateway.paid_reply(id, answer, received.at, Some(received.credits))
    }

    async fn read(&mut self, request: Request, received: Received) -> Option<String> {
        let (caller, checked) = self.checked(&request);
        let spec = match checked {
            Ok(spec) => spec,
            Err(error) => return Some(self.reply(Some(&request.id), &Err(error), received)),
        };
        if let Method::Connection(method) = spec.method {
            let answer = self.connection(method, &request.params, caller.as_ref()).await;
            return Some(self.reply(Some(&request.id), &answer, received));
        }
        if spec.method == Method::Logout {
            let answer = self.log_out(&request.params).await;
            return Some(self.reply(Some(&request.id), &answer, received));
        }
        match self.own_method(spec, &request.params, caller.as_ref()) {
            Some(answer) => {
                self.tell_operators();
                Some(self.reply(Some(&request.id), &answer, received))
            }
            None => self.begin(spec.method, request, caller, received).await,
        }
    }

    /// Who is asking, as its key is now, and the method, if it may be asked for.
    fn checked(&self, request: &Request) -> (Option<Caller>, Result<&'static Spec, WireError>) {
        let caller = self.login.as_ref().map(|login| login.caller.clone());
        let caller = caller.map(|caller| self.gateway.recheck(caller, self.origin)).transpose();
        let checked = methods::by_name(&request.method).and_then(|spec| {
            let caller = match (&caller, spec.need) {
                (Ok(caller), _) => caller.as_ref(),
                (Err(_), None) => None,
                (Err(ended), Some(_)) => return Err(ended.clone()),
            };
            let checked = spec.check(caller, &request.params);
            if let Err(error) = &checked {
                self.gateway.note_forbidden(caller, (spec.name, self.origin), error);
            }
            checked.map(|()| spec)
        });
        (caller.ok().flatten(), checked)
    }

    /// Ends the session of a key that is good no more.
    pub(super) fn check_login(&self) -> Result<(), Option<Ending>> {
        let Some(login) = &self.login else { return Ok(()) };
        match self.gateway.recheck(login.caller.clone(), self.origin) {
            Ok(caller) if caller.scope == login.caller.scope => Ok(()),
            // What it has subscribed to may be more than it may see now.
            Ok(_) => {
                let reason = "the scope of the key was narrowed; log in";
                Err(Some(Ending::new(close_code::POLICY, reason)))
            }
            Err(error) => Err(Some(Ending::new(close_code::POLICY, error.reason()))),
        }
    }

    /// Tokens that are good on this connection only end with it.
    pub(super) fn forget_login(&mut self) {
        if let Some(login) = self.login.take()
            && login.caller.connection.is_some()
        {
            self.gateway.authority.revoke(&login.access_token);
        }
    }

    /// Begins a request that may have to wait, up to where it waits.
    async fn begin(
        &mut self,
        method: Method,
        request: Request,
        caller: Option<Caller>,
        received: Received,
    ) -> Option<String> {
        let gateway = Arc::clone(&self.gateway);
        let session = self.on_disconnect.watch(method);
        let caller = caller.map(|caller| Caller { session, ..caller });
        let mut reply: Reply = Box::pin(async move {
            let answer = methods::call(&gateway, caller.as_ref(), method, &request.params).await;
            gateway.note_answer(method, &answer, received.at);
            if answer.as_ref().is_err_and(WireError::leaves_open) {
                return None;
            }
            let credits = Some(received.credits);
            Some(gateway.paid_reply(Some(&request.id), &answer, received.at, credits))
        });
        let first = std::future::poll_fn(|context| Poll::Ready(reply.as_mut().poll(context))).await;
        if let Poll::Ready(Some(reply)) = first {
            return Some(reply);
        }
        self.requests.0.push(match first {
            Poll::Ready(reply) => Box::pin(std::future::ready(reply)),
            Poll::Pending => reply,
        });
        None
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
            Method::Subscribe => self.subscribe(params, None),
            Method::PrivateSubscribe => self.subscribe(params, caller),
            Method::Unsubscribe | Method::PrivateUnsubscribe => params
                .required_texts("channels")
                .map(|names| to_result(&self.subscriptions.unsubscribe(&names))),
            Method::UnsubscribeAll | Method::PrivateUnsubscribeAll => {
                self.subscriptions.clear();
                Ok(to_result(&"ok"))
            }
            _ => return None,
        })
    }

    fn log_in(&mut self, params: &Params) -> Answer {
        let LoggedIn { caller, answer } = methods::log_in(&self.gateway, params, self.origin)?;
        let is_other =
            self.login.as_ref().is_some_and(|login| login.caller.account != caller.account);
        if is_other {
            let reason = "the session is another account's; open a new one";
            return Err(WireError::new(ErrorCode::BadRequest, reason));
        }
        self.forget_login();
        let access_token = answer.access_token.clone();
        if self.gateway.venue.exchange().cancels_on_disconnect(caller.account) {
            self.on_disconnect.enable(caller.account);
        }
        self.meter = self.gateway.meters.of_account(caller.account);
        self.login = Some(Login { caller, access_token });
        Ok(to_result(&answer))
    }

    async fn log_out(&mut self, params: &Params) -> Answer {
        let ends_token = params.flag("invalidate_token")?.unwrap_or(true);
        // Whoever logs out means to leave its orders.
        self.keep_orders().await?;
        if let Some(login) = self.login.take() {
            if ends_token {
                self.gateway.authority.revoke(&login.access_token);
            }
            self.meter = self.gateway.meters.of_network(self.network);
        }
        self.subscriptions.clear_private();
        Ok(to_result(&"ok"))
    }

    fn subscribe(&mut self, params: &Params, caller: Option<&Caller>) -> Answer {
        let names = params.required_texts("channels")?;
        if names.is_empty() {
            return Err(WireError::param("channels", "must name at least one channel"));
        }
        let granted = self.subscriptions.subscribe(&self.gateway, caller, &names)?;
        Ok(to_result(&granted))
    }
}
