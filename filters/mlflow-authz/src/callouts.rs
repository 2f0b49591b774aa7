//! Callouts of one root context: sends them and keeps which reply belongs to which.
//!
//! Owns the host's tokens. It does not know what is asked, or for which request. The root context must be active when one
//! is sent: Envoy gives every callout to it anyway (proxy-wasm-cpp-host, `exports.cc`, `http_call`), other hosts give it to
//! the active context.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use mlflow_authz::CalloutId;
use mlflow_authz::auth_service::Callout;

use crate::host::{self, HostError};

/// Callouts in flight, by the host's token. The host counts tokens up, so the hasher may be a quick one.
#[derive(Default)]
pub struct Callouts(RefCell<HashMap<u32, CalloutId, FixedState>>);

impl Callouts {
    /// Sends one. Where a token is used a second time, the callout that had it is returned: its reply cannot be told
    /// apart any more.
    pub fn send(&self, id: CalloutId, callout: &Callout) -> Result<Option<CalloutId>, HostError> {
        let headers: Vec<(&str, &str)> = callout
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let token = host::http_call(&callout.cluster, &headers, &callout.body, callout.timeout)?;
        Ok(self.0.borrow_mut().insert(token, id))
    }

    /// The callout that a reply belongs to, if it is still in flight.
    pub fn take(&self, token: u32) -> Option<CalloutId> {
        self.0.borrow_mut().remove(&token)
    }

    /// No reply is awaited any more: forgets those that never came.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
