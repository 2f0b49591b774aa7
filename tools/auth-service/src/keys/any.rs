//! Load keys: every key with a prefix is valid, so that a load test need not write a million of them down.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::Entry;

/// What begins the key id of a load key; the rest of the key follows.
const KEY_ID: &str = "key_";

/// What begins the user id of a load key; the rest of the key follows.
const USER_ID: &str = "user_";

/// The rule that makes load keys valid.
#[derive(Debug)]
pub struct AnyKey {
    prefix: String,
    scopes: Value,
}

impl AnyKey {
    /// Every key that begins with `prefix` is valid and has `scopes`.
    pub fn new(prefix: String, scopes: Vec<String>) -> Self {
        let scopes = scopes.into();
        Self { prefix, scopes }
    }

    /// What a load key is answered.
    pub fn entry(&self, key: &str) -> Option<Entry> {
        let rest = self.rest(key)?;
        let reply = Map::from_iter([
            ("user_id".to_owned(), [USER_ID, rest].concat().into()),
            ("key_id".to_owned(), [KEY_ID, rest].concat().into()),
            ("scopes".to_owned(), self.scopes.clone()),
        ]);
        Some(Entry {
            status: StatusCode::OK,
            retry_after: None,
            cache_control: None,
            reply,
        })
    }

    /// Whether `key` is a load key.
    pub fn covers(&self, key: &str) -> bool {
        self.rest(key).is_some()
    }

    /// The load key that has `key_id`.
    pub fn key_of(&self, key_id: &str) -> Option<String> {
        let rest = key_id.strip_prefix(KEY_ID)?;
        visible(rest).then(|| [self.prefix.as_str(), rest].concat())
    }

    fn rest<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&self.prefix).filter(|rest| visible(rest))
    }
}

fn visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
