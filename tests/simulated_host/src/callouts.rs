//! HTTP callouts under way. They belong to a root context, whoever asked for them, and outlive the stream
//! that did (proxy-wasm-cpp-host, `src/exports.cc`: `http_call` takes `root_context()`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::pairs::{Pair, find};
use crate::service::REVOCATIONS;

/// A callout that nobody has replied to.
#[derive(Debug, Clone)]
pub struct Callout {
    /// The root context it belongs to.
    pub root: u32,
    /// Envoy cluster.
    pub cluster: String,
    /// Headers with pseudo-headers.
    pub headers: Vec<Pair>,
    /// Body.
    pub body: Vec<u8>,
    /// After which the host replies 504 itself.
    pub timeout: Duration,
    /// When it was sent, by the host's clock.
    pub sent_at: Duration,
    /// When it was sent, as [`crate::clock::Clock::passed`].
    pub sent_after: Duration,
}

impl Callout {
    /// The key asked about.
    pub fn key(&self) -> Option<String> {
        let value = find(&self.headers, "authorization")?;
        let text = String::from_utf8_lossy(value);
        Some(text.strip_prefix("Bearer ")?.to_owned())
    }

    /// Where the list of revoked keys is to begin, if that is what it asks for.
    pub fn polls_since(&self) -> Option<usize> {
        let path = find(&self.headers, ":path")?;
        let path = String::from_utf8_lossy(path);
        let rest = path.strip_prefix(REVOCATIONS)?;
        let cursor = rest.strip_prefix("?since=").unwrap_or("0");
        cursor.parse().ok()
    }
}

/// A reply as the host hands it over.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Headers; none when the callout failed.
    pub headers: Vec<Pair>,
    /// Body.
    pub body: Vec<u8>,
}

/// The callouts of one VM by token.
#[derive(Debug, Default)]
pub struct Callouts {
    open: BTreeMap<u32, Callout>,
    next_token: u32,
    /// Gives the token of the newest callout to the next one too.
    pub repeats_a_token: bool,
    /// All that were ever sent.
    pub sent: u64,
}

impl Callouts {
    /// Tokens of those that wait for a reply, oldest first.
    pub fn tokens(&self) -> Vec<u32> {
        self.open.keys().copied().collect()
    }

    /// One of those that wait.
    pub fn get(&self, token: u32) -> Option<&Callout> {
        self.open.get(&token)
    }

    pub(crate) fn add(&mut self, callout: Callout) -> u32 {
        // Envoy's step: tokens of gRPC calls lie between (`nextHttpCallId`).
        if !std::mem::take(&mut self.repeats_a_token) {
            self.next_token = self.next_token.wrapping_add(4);
        }
        self.sent += 1;
        self.open.insert(self.next_token, callout);
        self.next_token
    }

    pub(crate) fn take(&mut self, token: u32) -> Option<Callout> {
        self.open.remove(&token)
    }

    /// Cancels what a root context has under way: no reply will come.
    pub(crate) fn cancel_all_of(&mut self, root: u32) {
        self.open.retain(|_, callout| callout.root != root);
    }
}
