//! What an event leaves behind: its outbox is emptied, woken streams are resumed, the timer is set. Callouts and the
//! timer are the root's, whichever of its contexts is active.

use std::time::Duration;

use mlflow_authz::auth_service::{Callout, Reply};
use mlflow_authz::{CalloutId, Engine, HostContext, RequestHead, StreamId};

use super::Plugin;
use crate::host;
use crate::metrics;
use crate::request::Request;

/// How often one event's outbox is emptied: each round may wake streams that leave more.
const ROUNDS: usize = 8;

/// When the first event comes, if no request does before.
const AT_ONCE: Option<Duration> = Some(Duration::from_millis(1));

impl Plugin {
    /// Does what the last event left. `at_hand` is the stream whose callback this is.
    pub(super) fn empty_outbox(&self, at_hand: Option<&Request>) {
        self.empty_outbox_once(at_hand);
        let ticking = self.set_tick(at_hand.is_none());
        if ticking != self.ticking.replace(ticking) {
            if let Ok(mut engine) = self.engine.try_borrow_mut() {
                engine.set_ticking(ticking);
            }
            self.empty_outbox_once(at_hand);
        }
    }

    fn empty_outbox_once(&self, at_hand: Option<&Request>) {
        for _ in 0..ROUNDS {
            let mut outbox = self.emptied.take();
            match self.engine.try_borrow_mut() {
                Ok(mut engine) => engine.swap_outbox(&mut outbox),
                Err(_) => break,
            }
            let mut woken = self.woken.take();
            woken.append(&mut outbox.wake);
            let is_done = outbox.is_empty() && woken.is_empty();
            metrics::flush(&mut outbox);
            self.send_all(outbox.callouts.drain(..), at_hand);
            self.emptied.replace(outbox);
            if is_done {
                break;
            }
            for id in woken {
                match at_hand {
                    Some(request) if request.id() == id => self.resume(request),
                    Some(_) => self.woken.borrow_mut().push(id),
                    None => self.resume_held(id),
                }
            }
            if at_hand.is_some() && !self.woken.borrow().is_empty() {
                break;
            }
        }
    }

    /// Sends callouts in the name of the root: others may wait for their replies when the stream at hand is gone. Envoy
    /// gives each callout to the root anyway; other hosts give it to the active context, and end it with that.
    fn send_all(
        &self,
        callouts: impl ExactSizeIterator<Item = (CalloutId, Callout)>,
        at_hand: Option<&Request>,
    ) {
        if callouts.len() == 0 {
            return;
        }
        if at_hand.is_some() {
            activate(self.root);
        }
        for (id, callout) in callouts {
            self.send(id, &callout);
        }
        if let Some(request) = at_hand {
            activate(request.id().0);
        }
    }

    fn send(&self, id: CalloutId, callout: &Callout) {
        match self.callouts.send(id, callout) {
            Ok(None) => {}
            Ok(Some(earlier)) => self.report(earlier, &Reply::Reset),
            Err(_) => self.report(id, &Reply::NotSent),
        }
    }

    /// Tells the engine what became of a callout, within the event that caused it.
    fn report(&self, callout: CalloutId, reply: &Reply<'_>) {
        let told = self.with_engine_at(self.now.get(), |engine, context| {
            engine.on_callout_reply(callout, context, reply);
        });
        if let Err(error) = told {
            log::error!("event lost: {error}");
        }
    }

    /// Resumes another stream than the one whose callback this is.
    fn resume_held(&self, id: StreamId) {
        let Some(request) = self.held.borrow().get(&id).cloned() else {
            return;
        };
        match host::set_effective_context(id.0) {
            Ok(()) => self.resume(&request),
            Err(error) => {
                log::error!("stream lost: {error}");
                self.on_stream_gone(id);
            }
        }
        activate(self.root);
    }

    fn resume(&self, request: &Request) {
        let id = request.id();
        let event = |engine: &mut Engine, context: &HostContext<'_>, head: &RequestHead<'_>| {
            engine.on_woken(id, context, head)
        };
        if let Err(error) = self.decide(request, event) {
            self.refuse(request, &error);
        }
        self.read_body(request);
        if !request.is_undecided() {
            self.release(id);
        }
    }

    /// Asks for the ticks that the engine wants. Returns whether it has them.
    fn set_tick(&self, is_root: bool) -> bool {
        let Ok(engine) = self.engine.try_borrow() else {
            return true;
        };
        if engine.is_idle() {
            self.callouts.clear();
        }
        let mut wanted = engine.tick_period(self.now.get());
        if !self.woken.borrow().is_empty() || self.configured.borrow().is_some() {
            wanted = AT_ONCE;
        }
        // Only a tick stops the ticks: under load they would be stopped and started with each request.
        if wanted == self.tick.get() || (wanted.is_none() && !is_root) {
            return true;
        }
        match host::set_tick_period(wanted) {
            Ok(()) => {
                self.tick.set(wanted);
                true
            }
            Err(error) => {
                log::error!("{error}");
                wanted.is_none()
            }
        }
    }
}

/// Lets the host calls that follow act on a context.
fn activate(context: u32) {
    if let Err(error) = host::set_effective_context(context) {
        log::error!("{error}");
    }
}
