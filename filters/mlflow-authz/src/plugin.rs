//! One configuration in one VM, shared by its root context and its streams: feeds events to the engine and
//! does what it says.
//!
//! Owns the engine, the streams that are held for it and the root's timer. It does not know why a request goes on or
//! not: the engine does.
//!
//! Every event goes the same way: the engine is told, its [`Next`] is carried out for the stream at hand,
//! then its outbox is emptied: metrics, lines, callouts, and the streams that an answer has come for. Those
//! are resumed from the root context only, since the host ignores what a stream's own callback returns once
//! another stream was answered in it.

mod outbox;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;
use mlflow_authz::auth_service::Reply;
use mlflow_authz::authority::plain_authority;
use mlflow_authz::trailers;
use mlflow_authz::{Engine, HostContext, Next, Outbox, RequestHead, StreamId};

use crate::callouts::Callouts;
use crate::configured::Configured;
use crate::filter_error::FilterError;
use crate::host::{self, Buffer, HeaderMap, HostData};
use crate::metrics;
use crate::record::record;
use crate::request::{self, Request};

/// An engine with all that its events need.
pub struct Plugin {
    root: u32,
    engine: RefCell<Engine>,
    callouts: Callouts,
    /// Streams that are held for the engine. The host counts ids up, so the hasher may be a quick one.
    held: RefCell<HashMap<StreamId, Request, FixedState>>,
    /// Streams that were woken where they could not be resumed.
    woken: RefCell<Vec<StreamId>>,
    tick: Cell<Option<Duration>>,
    /// An outbox to be filled again: the hot path allocates none.
    emptied: Cell<Outbox>,
    /// Whether the host gave the ticks that were asked for last.
    ticking: Cell<bool>,
    /// The host's clock at the last event.
    now: Cell<Duration>,
    /// The configuration, until the first event has put it in force.
    configured: RefCell<Option<Configured>>,
    /// Whether another took its place, or its root is gone: no reply and no tick will come.
    retired: Cell<bool>,
}

impl Plugin {
    /// A plugin of the root context with this id, whose timer is set to `tick` already.
    pub fn new(root: u32, engine: Engine, configured: Configured, tick: Option<Duration>) -> Self {
        let plugin = Self {
            root,
            engine: RefCell::new(engine),
            callouts: Callouts::default(),
            held: RefCell::default(),
            woken: RefCell::default(),
            tick: Cell::new(tick),
            emptied: Cell::default(),
            ticking: Cell::new(true),
            now: Cell::default(),
            configured: RefCell::new(Some(configured)),
            retired: Cell::default(),
        };
        plugin.empty_outbox(None);
        plugin
    }

    /// Whether streams are held.
    pub fn is_waiting(&self) -> bool {
        !self.held.borrow().is_empty()
    }

    /// Request headers have arrived.
    pub fn on_request_headers(&self, request: &Request) {
        if self.retired.get() {
            return self.refuse(request, &FilterError::NoConfiguration);
        }
        self.enter_force();
        let id = request.id();
        let event = |engine: &mut Engine, context: &HostContext<'_>, head: &RequestHead<'_>| {
            Some(engine.on_request_headers(id, context, head))
        };
        if let Err(error) = self.decide(request, event) {
            self.refuse(request, &error);
        }
        self.read_body(request);
        self.empty_outbox(Some(request));
        if request.is_undecided() {
            self.held.borrow_mut().insert(id, request.clone());
        }
    }

    /// More of a request's body has come, or its end.
    pub fn on_request_body(&self, request: &Request) {
        self.read_body(request);
        self.empty_outbox(Some(request));
    }

    /// Trailers have come. What must not go upstream is taken out of them before they are held or go on: when the
    /// request is resumed, there is no callback for them.
    pub fn on_request_trailers(&self, request: &Request) {
        if request.is_answered() {
            return;
        }
        if let Err(error) = self.clean_trailers(request) {
            log::error!("request ended: its trailers cannot be cleaned: {error}");
            request.abort();
            self.on_stream_gone(request.id());
        }
    }

    fn clean_trailers(&self, request: &Request) -> Result<(), FilterError> {
        let pairs = host::header_pairs(HeaderMap::RequestTrailers)?;
        let trailers = pairs.pairs()?;
        let engine = self
            .engine
            .try_borrow()
            .map_err(|_| FilterError::EngineBusy)?;
        let identity = &engine.config().identity_headers;
        for name in trailers::unsafe_names(&trailers, identity, request.may_be_mounted()) {
            host::remove_header(HeaderMap::RequestTrailers, name)?;
        }
        Ok(())
    }

    /// Decides by the body, if it is needed and there. The request's context must be the effective one.
    fn read_body(&self, request: &Request) {
        let Some(size) = request.readable() else {
            return;
        };
        let id = request.id();
        let decided = host::buffer(Buffer::RequestBody, size)
            .map_err(FilterError::from)
            .and_then(|body| {
                self.decide(request, |engine, _, head| engine.on_body(id, head, &body))
            });
        if let Err(error) = decided {
            self.refuse(request, &error);
        }
        self.release(id);
    }

    /// A callout has ended. Only for the root context.
    pub fn on_callout_reply(&self, token: u32, reply: &Reply<'_>) {
        if let Some(callout) = self.callouts.take(token) {
            self.on_root_event(|engine, context, punctual| {
                // What came at no known time cannot be told from what came before a revocation.
                let reply = if punctual { reply } else { &Reply::Reset };
                engine.on_callout_reply(callout, context, reply);
            });
        }
    }

    /// A tick. Only for the root context.
    pub fn on_tick(&self) {
        self.enter_force();
        self.on_root_event(|engine, context, _| engine.on_tick(context));
    }

    /// An event has come: the host uses this configuration.
    fn enter_force(&self) {
        if self.configured.borrow().is_none() {
            return;
        }
        let Ok(mut engine) = self.engine.try_borrow_mut() else {
            return;
        };
        if let Some(configured) = self.configured.take() {
            engine.enter_force();
            configured.tell();
        }
    }

    /// The configuration is replaced while the root context lives on: nobody waits for it any longer.
    pub fn abandon(&self) {
        self.on_root_event(|engine, context, _| engine.abandon(context.now));
    }

    /// What the root's timer is set to.
    pub const fn tick(&self) -> Option<Duration> {
        self.tick.get()
    }

    /// No more events will come.
    pub fn retire(&self) {
        self.retired.set(true);
        if let Ok(mut engine) = self.engine.try_borrow_mut() {
            engine.retire();
            metrics::flush(&mut engine.take_outbox());
        }
    }

    /// The stream is gone.
    pub fn on_stream_gone(&self, id: StreamId) {
        self.release(id);
        if let Ok(mut engine) = self.engine.try_borrow_mut() {
            engine.on_stream_gone(id);
        }
    }

    /// Where the host's clock fails, the event has the time of the one before: it may be the last for those
    /// who wait. The event is told whether it has its own.
    fn on_root_event(&self, event: impl FnOnce(&mut Engine, &HostContext<'_>, bool)) {
        let now = host::now();
        if let Err(error) = &now {
            log::error!("{error}");
        }
        let punctual = now.is_ok();
        let now = now.unwrap_or_else(|_| self.now.get());
        match self.with_engine_at(now, |engine, context| event(engine, context, punctual)) {
            Ok(()) => self.empty_outbox(None),
            Err(error) => log::error!("event lost: {error}"),
        }
    }

    fn with_engine<T>(
        &self,
        event: impl FnOnce(&mut Engine, &HostContext<'_>) -> T,
    ) -> Result<T, FilterError> {
        self.with_engine_at(host::now()?, event)
    }

    fn with_engine_at<T>(
        &self,
        now: Duration,
        event: impl FnOnce(&mut Engine, &HostContext<'_>) -> T,
    ) -> Result<T, FilterError> {
        let mut engine = self
            .engine
            .try_borrow_mut()
            .map_err(|_| FilterError::EngineBusy)?;
        let context = HostContext {
            now,
            shared: &HostData,
        };
        self.now.set(context.now);
        Ok(event(&mut engine, &context))
    }

    /// Tells the engine of a request and does what it says. The request's context must be the effective one.
    fn decide(
        &self,
        request: &Request,
        event: impl FnOnce(&mut Engine, &HostContext<'_>, &RequestHead<'_>) -> Option<Next>,
    ) -> Result<(), FilterError> {
        let pairs = host::header_pairs(HeaderMap::Request)?;
        let headers = pairs.pairs()?;
        self.with_engine(|engine, context| {
            let facts = request::LazyFacts::default();
            let head = RequestHead {
                headers: &headers,
                facts: Some(&facts),
            };
            match event(engine, context, &head) {
                Some(Next::Forward(decision, edits)) => {
                    record(engine, context.now, &decision, &head);
                    request.forward(&decision, &edits)
                }
                Some(Next::Answer(decision, answer)) => {
                    record(engine, context.now, &decision, &head);
                    // The access log shows the header as it is then.
                    if let Some(plain) = plain_authority(&head)
                        && let Err(error) = host::set_request_header(":authority", plain)
                    {
                        log::error!("{error}");
                    }
                    request.answer(&decision, &answer)
                }
                Some(Next::ReadBody { limit }) => {
                    request.read(limit);
                    Ok(())
                }
                Some(Next::Wait) | None => Ok(()),
            }
        })??;
        Ok(())
    }

    /// The stream is not held any longer, if it was.
    fn release(&self, id: StreamId) {
        let mut held = self.held.borrow_mut();
        if !held.is_empty() {
            held.remove(&id);
        }
    }

    fn refuse(&self, request: &Request, error: &FilterError) {
        log::error!("request refused: {error}");
        request.refuse();
        self.on_stream_gone(request.id());
    }
}
