//! A model of the auth service, and every way in which one can reply. It says what is true of a key; what
//! a test delivers is the test's choice.

use std::collections::BTreeMap;

use crate::callouts::{Callout, Reply};
use crate::pairs::pairs;

/// Where configurations are to poll for revoked keys.
pub const REVOCATIONS: &str = "/revoked";

/// The most ids of one list; a longer one is cut and says so.
const LIST: usize = 2;

/// What is true of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Valid, with these scopes.
    Valid(Vec<&'static str>),
    /// 401.
    Invalid,
    /// 403.
    Refused,
    /// 429.
    RateLimited,
}

/// The keys; one that is not there is invalid.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// What is true of each.
    pub keys: BTreeMap<String, Verdict>,
    /// Keys that were revoked, in order.
    pub revoked: Vec<String>,
}

impl Service {
    /// The keys that most tests use: `reader`, `writer`, `refused`, `limited`; any other is invalid.
    pub fn standard() -> Self {
        let keys = [
            ("reader", Verdict::Valid(vec!["model:read"])),
            ("writer", Verdict::Valid(vec!["model:write"])),
            ("refused", Verdict::Refused),
            ("limited", Verdict::RateLimited),
        ];
        Self {
            keys: keys
                .into_iter()
                .map(|(key, verdict)| (key.to_owned(), verdict))
                .collect(),
            ..Self::default()
        }
    }

    /// What is true of a key.
    pub fn verdict(&self, key: &str) -> Verdict {
        self.keys.get(key).cloned().unwrap_or(Verdict::Invalid)
    }

    /// A key is no longer valid, and on the list.
    pub fn revoke(&mut self, key: &str) {
        self.keys.insert(key.to_owned(), Verdict::Invalid);
        self.revoked.push(key.to_owned());
    }

    /// The true reply to a callout.
    pub fn reply_to(&self, callout: &Callout) -> Reply {
        match callout.polls_since() {
            Some(since) => self.list(since),
            None => self.reply(&callout.key().unwrap_or_default()),
        }
    }

    /// The list of revoked keys, from so many on.
    pub fn list(&self, since: usize) -> Reply {
        let left = self.revoked.get(since..).unwrap_or_default();
        let ids: Vec<String> = left.iter().take(LIST).map(|key| id(key)).collect();
        let next = (since + ids.len()).to_string();
        let more = left.len() > ids.len();
        let body = serde_json::json!({"key_ids": ids, "next": next, "more": more});
        body_of(200, body.to_string().as_bytes())
    }

    /// How many of the revoked keys the lists have named that end with the one from so many on.
    pub fn listed(&self, since: usize) -> usize {
        self.revoked.len().min(since + LIST)
    }

    /// The true reply about a key.
    pub fn reply(&self, key: &str) -> Reply {
        match self.verdict(key) {
            Verdict::Valid(scopes) => valid(key, &scopes),
            Verdict::Invalid => status(401),
            Verdict::Refused => status(403),
            Verdict::RateLimited => {
                let mut reply = status(429);
                reply.headers.extend(pairs(&[("retry-after", "7")]));
                reply
            }
        }
    }
}

/// 200 for a key. Its user is `user_<name>`, its id `id_<name>`; the name is the key without `hk_live_`.
pub fn valid(key: &str, scopes: &[&str]) -> Reply {
    let name = name(key);
    let body = serde_json::json!({
        "user_id": format!("user_{name}"), "key_id": id(key), "scopes": scopes,
    });
    body_of(200, body.to_string().as_bytes())
}

fn name(key: &str) -> &str {
    key.trim_start_matches("hk_live_")
}

fn id(key: &str) -> String {
    format!("id_{}", name(key))
}

/// A status with a body that would be a good one on a 200, for an administrator.
pub fn status(status: u16) -> Reply {
    body_of(status, br#"{"scopes": ["admin"], "is_admin": true}"#)
}

/// A reply of the service itself.
pub fn body_of(status: u16, body: &[u8]) -> Reply {
    let mut headers = pairs(&[("x-envoy-upstream-service-time", "1")]);
    headers.insert(0, (b":status".to_vec(), status.to_string().into_bytes()));
    Reply {
        headers,
        body: body.to_vec(),
    }
}

/// What Envoy puts in place of a reply: 504 after a timeout, 503 without a connection.
pub fn in_place(status: u16) -> Reply {
    let mut reply = body_of(status, b"upstream request timeout");
    reply.headers.retain(|(name, _)| name == b":status");
    reply
}

/// The connection was reset in the middle of the reply.
pub fn reset() -> Reply {
    Reply::default()
}

/// Replies that are outside the contract.
pub fn garbage() -> Vec<Reply> {
    let mut odd_status = body_of(200, br#"{"scopes": ["admin"]}"#);
    odd_status.headers[0].1 = b"\xff\xfe".to_vec();
    let mut no_status = body_of(200, br#"{"scopes": ["admin"]}"#);
    no_status.headers.remove(0);
    vec![
        body_of(200, b""),
        body_of(200, b"<html>"),
        body_of(200, b"\xff\xfe"),
        body_of(200, b"[]"),
        body_of(200, br#"{"scopes": "admin"}"#),
        body_of(200, br#"{"is_admin": "false", "roles": ["admin"]}"#),
        body_of(200, &[b' '; 70_000]),
        body_of(200, "[".repeat(60_000).as_bytes()),
        status(500),
        status(404),
        status(302),
        status(100),
        status(0),
        odd_status,
        no_status,
    ]
}
