//! Sends callouts so that their replies come to the root context, whoever caused them.
//!
//! The SDK delivers a reply to the context that was active when the callout was sent, and drops it if that
//! context is gone by then. So a stream does not send: it leaves its callouts here and has the root context
//! called, within its own callback. Envoy gives every callout to the root context anyway
//! (proxy-wasm-cpp-host, exports.cc, `http_call`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use mlflow_authz::CalloutId;
use mlflow_authz::auth_service::Callout;

use crate::host;

/// Callouts of one root context, to be sent and under way.
#[derive(Default)]
pub struct Courier {
    to_send: RefCell<Vec<(CalloutId, Callout)>>,
    not_sent: RefCell<Vec<CalloutId>>,
    under_way: RefCell<HashMap<u32, CalloutId>>,
    calling_root: Cell<bool>,
}

impl Courier {
    /// Sends callouts from the context that is active, which is the root's or one of its streams'. Returns
    /// those that the host would not send.
    pub fn send(
        &self,
        root: u32,
        active: u32,
        callouts: Vec<(CalloutId, Callout)>,
    ) -> Vec<CalloutId> {
        self.to_send.borrow_mut().extend(callouts);
        if root == active {
            self.send_as_root();
        } else if host::set_effective_context(root).is_ok() {
            self.calling_root.set(true);
            host::enter_root(root);
            self.calling_root.set(false);
            if let Err(error) = host::set_effective_context(active) {
                log::error!("{error}");
            }
        }
        // What the root was not reached for cannot be sent.
        let stranded = self.to_send.take().into_iter().map(|(id, _)| id);
        let mut not_sent = self.not_sent.take();
        not_sent.extend(stranded);
        not_sent
    }

    /// Whether the root context was called by [`Self::send`], and not by the host.
    pub const fn is_calling_root(&self) -> bool {
        self.calling_root.get()
    }

    /// Sends what is to be sent. Only for the root context.
    pub fn send_as_root(&self) {
        for (id, callout) in self.to_send.take() {
            let headers = callout
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let body = (!callout.body.is_empty()).then_some(callout.body.as_slice());
            let sent = proxy_wasm::hostcalls::dispatch_http_call(
                &callout.cluster,
                headers,
                body,
                Vec::new(),
                callout.timeout,
            );
            match sent {
                Ok(token) => {
                    self.under_way.borrow_mut().insert(token, id);
                }
                Err(_) => self.not_sent.borrow_mut().push(id),
            }
        }
    }

    /// The callout that a reply belongs to.
    pub fn take(&self, token: u32) -> Option<CalloutId> {
        self.under_way.borrow_mut().remove(&token)
    }

    /// No reply is awaited any more: forgets those that never came.
    pub fn clear(&self) {
        self.under_way.borrow_mut().clear();
    }
}
