//! Whatever stands in shared data, which other modules could write: it is read without a panic, nobody is allowed what
//! the principal in it may not do, and nobody waits for good. Input: three values, each after its length in two bytes,
//! and the rest a fourth; the first two are put behind the layout and the digest that the filter would have written.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mlflow_authz::shared_data::{LocalData, SharedData, Version};
use mlflow_authz::{Config, Engine, HostContext, Reason, RequestHead, StreamId};

const CONFIG: &[u8] = br#"{"auth_service": {"cluster": "a"}, "mounts": ["/"], "cache": {"shared_slots": 1},
    "revocation": {"path": "/r"}}"#;
const NOW: Duration = Duration::from_secs(1_700_000_000);
const HEADERS: &[(&[u8], &[u8])] = &[
    (b":method", b"GET"),
    (b":path", b"/api/2.0/mlflow/runs/get"),
    (b"x-api-key", b"K1"),
];

static PREFIX: OnceLock<Vec<u8>> = OnceLock::new();

/// What the filter writes in front of a slot of this key.
fn prefix() -> Vec<u8> {
    let shared = LocalData::default();
    let head = RequestHead {
        headers: HEADERS,
        facts: None,
    };
    let config = Config::parse(CONFIG).expect("a configuration");
    let mut engine = Engine::new(config, CONFIG);
    engine.on_request_headers(
        StreamId(1),
        &HostContext {
            now: NOW,
            shared: &shared,
        },
        &head,
    );
    let (slot, _) = shared.get("mlflow_authz/1/question/0").expect("a claim");
    slot[..33].to_vec()
}

/// One value for each kind of name; whatever is written is lost.
struct Garbage([Vec<u8>; 4]);

impl SharedData for Garbage {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        let kinds = ["/principal/", "/question/", "/batch/", "/head"];
        let kind = kinds.iter().position(|kind| name.contains(kind))?;
        Some((self.0.get(kind)?.clone(), Version(1)))
    }

    fn set(&self, _: &str, _: &[u8], _: Version) -> bool {
        true
    }
}

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    let mut values: [&[u8]; 4] = [b""; 4];
    for value in values.iter_mut().take(3) {
        let Some((length, after)) = rest.split_first_chunk() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        (*value, rest) = after.split_at(length);
    }
    values[3] = rest;
    let prefix = PREFIX.get_or_init(prefix);
    let slot = |value: &[u8]| [prefix, value].concat();
    let shared = Garbage([
        slot(values[0]),
        slot(values[1]),
        values[2].to_vec(),
        values[3].to_vec(),
    ]);
    let context = HostContext {
        now: NOW,
        shared: &shared,
    };
    let head = RequestHead {
        headers: HEADERS,
        facts: None,
    };
    let Ok(config) = Config::parse(CONFIG) else {
        return;
    };
    let mut engine = Engine::new(config, CONFIG);
    engine.on_tick(&context);
    let next = engine.on_request_headers(StreamId(1), &context, &head);
    if let Some(decision) = next
        .decision()
        .filter(|decision| decision.reason == Reason::Allowed)
    {
        let principal = decision.principal.as_ref().expect("a principal");
        let policy = engine.enforcement().base_policy();
        assert!(match decision.operation {
            Some(operation) => policy.missing(principal, operation).is_none(),
            None => policy.grants(principal, decision.required.expect("a permission")),
        });
    }
    let later = HostContext {
        now: NOW + Duration::from_secs(3),
        shared: &shared,
    };
    engine.on_tick(&later);
    engine.on_woken(StreamId(1), &later, &head);
    assert_eq!(engine.waiting_streams(), 0);
});
