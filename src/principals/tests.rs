use std::sync::Arc;
use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Principal, Principals};
use crate::auth_service::{AuthServiceClient, KeyDigest};
use crate::config::{Cache, Config, CredentialKind};
use crate::credential::{ApiKey, extract};
use crate::request::RequestHead;

const NOW: Duration = Duration::from_secs(1_000_000);

fn cache(capacity: u64) -> Principals {
    Principals::new(&Cache {
        capacity,
        ttl: Duration::from_secs(60),
        ..Cache::default()
    })
}

fn key(text: &str) -> ApiKey {
    let headers: [(&[u8], &[u8]); 1] = [(b"x-api-key", text.as_bytes())];
    let head = RequestHead {
        headers: &headers,
        client_address: None,
    };
    extract(&head, None, &[CredentialKind::XApiKey]).unwrap()
}

fn digest(text: &str) -> KeyDigest {
    let config = Config::parse(br#"{"auth_service": {"cluster": "auth"}}"#).unwrap();
    AuthServiceClient::new(config.auth_service).digest(&key(text), None)
}

fn named(name: &str) -> Arc<Principal> {
    Arc::new(Principal {
        key_id: Some(name.to_owned()),
        ..Principal::default()
    })
}

fn found(cache: &mut Principals, text: &str, now: Duration) -> Option<String> {
    cache.fresh(digest(text), now)?.key_id.clone()
}

#[test]
fn a_principal_is_fresh_for_its_ttl() {
    let mut cache = cache(10);
    assert!(cache.is_empty());
    cache.store(digest("a"), named("a"), NOW);
    let millisecond = Duration::from_millis(1);
    let minute = Duration::from_secs(60);
    for (now, fresh) in [
        (NOW, true),
        (NOW + minute - millisecond, true),
        (NOW + minute, false),
        (NOW + minute * 1000, false),
        (Duration::MAX, false),
        // The clock has jumped back: how old the entry is, nobody can say.
        (NOW - millisecond, false),
        (Duration::ZERO, false),
        // And forth again.
        (NOW + millisecond, true),
    ] {
        assert_eq!(found(&mut cache, "a", now).is_some(), fresh, "{now:?}");
    }
    assert_eq!(found(&mut cache, "b", NOW), None);
}

#[test]
fn storing_again_starts_the_ttl_anew() {
    let mut cache = cache(10);
    cache.store(digest("a"), named("old"), NOW);
    let later = NOW + Duration::from_secs(50);
    cache.store(digest("a"), named("new"), later);
    assert_eq!(cache.len(), 1);
    assert_eq!(
        found(&mut cache, "a", later + Duration::from_secs(50)).as_deref(),
        Some("new")
    );
}

#[test]
fn the_least_recently_used_gives_way() {
    let mut cache = cache(2);
    cache.store(digest("a"), named("a"), NOW);
    cache.store(digest("b"), named("b"), NOW);
    assert!(found(&mut cache, "a", NOW).is_some());
    cache.store(digest("c"), named("c"), NOW);
    assert_eq!(cache.len(), 2);
    let kept = ["a", "b", "c"].map(|key| found(&mut cache, key, NOW).is_some());
    assert_eq!(kept, [true, false, true]);
}

#[test]
fn evicted_means_gone() {
    let mut cache = cache(2);
    cache.store(digest("a"), named("a"), NOW);
    cache.evict(digest("b"));
    assert_eq!(cache.len(), 1);
    cache.evict(digest("a"));
    assert_eq!(found(&mut cache, "a", NOW), None);
    assert!(cache.is_empty());
}

#[test]
fn a_capacity_beyond_this_machine_costs_nothing_up_front() {
    let mut cache = cache(u64::from(u32::MAX));
    cache.store(digest("a"), named("a"), NOW);
    assert!(found(&mut cache, "a", NOW).is_some());
}
