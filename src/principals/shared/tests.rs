use std::sync::Arc;
use std::time::Duration;

use super::{LAYOUT, MAX_SLOT_BYTES, Principal, SharedPrincipals, Validation};
use crate::auth_service::{KeyDigest, Lifetime};
use crate::principal::Grant;
use crate::principals::fixtures::{Lossy, MS, NOW, Racing, Recording, digest, put, validation};
use crate::shared_data::{LocalData, SharedData};

/// One slot, so that all keys meet in it.
const ONE: SharedPrincipals = SharedPrincipals::new(1);

/// When what is told here is told.
const LATER: Duration = Duration::from_secs(2_000_000_000);

fn a() -> KeyDigest {
    digest("a")
}

fn b() -> KeyDigest {
    digest("b")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Takes about as many bytes.
fn of_size(scope_bytes: usize) -> Validation {
    Validation {
        principal: Arc::new(Principal {
            scopes: vec!["s".repeat(scope_bytes)],
            ..Principal::default()
        }),
        ..validation("k", NOW)
    }
}

fn key_id(shared: &dyn SharedData, digest: KeyDigest) -> Option<String> {
    ONE.find(shared, digest)?.principal.key_id.clone()
}

#[test]
fn another_vm_reads_what_was_published() {
    let full = Principal {
        grants: vec![
            Grant {
                scope: "a".to_owned(),
                names: Some(words(&["n"])),
                workspaces: None,
            },
            Grant {
                scope: "b".to_owned(),
                names: None,
                workspaces: Some(words(&["w-*"])),
            },
        ],
        workspaces: Some(words(&["w-*", "v"])),
        workspace: Some("w-1".to_owned()),
        user_id: Some("u\"\u{0}é\n".to_owned()),
        key_id: Some("key_1".to_owned()),
        scopes: words(&["a", "b", "a", "", "ß"]),
        roles: words(&["r"]),
        is_admin: true,
        has_foreign_words: true,
    };
    for (principal, asked_at, max_age, expires_at) in [
        (Principal::default(), Duration::ZERO, None, None),
        (full.clone(), NOW, Some(Duration::ZERO), None),
        (full, NOW + Duration::from_nanos(1), None, Some(NOW)),
        (
            Principal::default(),
            Duration::MAX,
            Some(Duration::MAX),
            Some(Duration::MAX),
        ),
    ] {
        let told = Validation {
            principal: Arc::new(principal),
            asked_at,
            lifetime: Lifetime {
                max_age,
                expires_at,
                ..Lifetime::default()
            },
        };
        let data = LocalData::default();
        assert!(ONE.publish(&data, a(), &told, LATER), "{told:?}");
        assert_eq!(ONE.find(&data, a()), Some(told));
        assert_eq!(ONE.find(&data, b()), None);
    }
    assert_eq!(ONE.find(&LocalData::default(), a()), None);
}

#[test]
fn the_last_key_takes_the_slot() {
    let data = LocalData::default();
    assert!(ONE.publish(&data, a(), &validation("a", NOW), LATER));
    // How old the other key's word is does not matter.
    assert!(ONE.publish(&data, b(), &validation("b", NOW - MS), LATER));
    assert_eq!((key_id(&data, a()), ONE.find(&data, a())), (None, None));
    assert_eq!(key_id(&data, b()).as_deref(), Some("b"));
}

#[test]
fn of_one_keys_words_the_newest_wins() {
    for (asked_at, expected) in [(NOW - MS, "old"), (NOW, "old"), (NOW + MS, "new")] {
        let data = LocalData::default();
        ONE.publish(&data, a(), &validation("old", NOW), LATER);
        // Either way the others know something as new.
        assert!(ONE.publish(&data, a(), &validation("new", asked_at), LATER));
        assert_eq!(
            key_id(&data, a()).as_deref(),
            Some(expected),
            "{asked_at:?}"
        );
    }
}

#[test]
fn a_newer_word_published_meanwhile_stays() {
    for seen_before in [false, true] {
        let data = LocalData::default();
        if seen_before {
            ONE.publish(&data, a(), &validation("older", NOW - MS), LATER);
        }
        let racing = Racing::new(&data, "", |data| {
            ONE.publish(data, a(), &validation("newer", NOW + MS), LATER);
        });
        assert!(ONE.publish(&racing, a(), &validation("mine", NOW), LATER));
        assert_eq!(key_id(&data, a()).as_deref(), Some("newer"));
    }
}

#[test]
fn a_refusal_withdraws_what_was_said_of_its_key_only() {
    for (digest, stays) in [(a(), false), (b(), true)] {
        let data = LocalData::default();
        ONE.publish(&data, a(), &validation("a", NOW), LATER);
        ONE.withdraw(&data, digest);
        assert_eq!(ONE.find(&data, a()).is_some(), stays);
        assert!(ONE.publish(&data, a(), &validation("again", NOW + MS), LATER));
        assert_eq!(key_id(&data, a()).as_deref(), Some("again"));
    }
    let recording = Recording::default();
    ONE.withdraw(&recording, a());
    assert_eq!(recording.written.borrow().len(), 0, "nothing to withdraw");
}

#[test]
fn a_principal_that_does_not_fit_is_not_shared() {
    let recording = Recording::default();
    assert!(ONE.publish(&recording, a(), &of_size(0), LATER));
    let room = MAX_SLOT_BYTES - recording.only().1.len();
    for (scope_bytes, fits) in [(room, true), (room + 1, false), (100_000, false)] {
        let recording = Recording::default();
        let done = ONE.publish(&recording, a(), &of_size(scope_bytes), LATER);
        assert_eq!(done, fits, "{scope_bytes}");
        assert_eq!(recording.written.borrow().len(), usize::from(fits));
        assert_eq!(ONE.find(&recording, a()).is_some(), fits, "{scope_bytes}");
    }
}

#[test]
fn what_cannot_be_written_is_not_known_to_others() {
    for lies in [false, true] {
        let lossy = Lossy { lies };
        assert!(!ONE.publish(&lossy, a(), &validation("a", NOW), LATER));
        assert_eq!(ONE.find(&lossy, a()), None);
        ONE.withdraw(&lossy, a());
    }
    let (none, recording) = (SharedPrincipals::new(0), Recording::default());
    assert!(!none.publish(&recording, a(), &validation("a", NOW), LATER));
    none.withdraw(&recording, a());
    assert_eq!(none.find(&recording, a()), None);
    assert_eq!(recording.written.borrow().len(), 0);
}

#[test]
fn garbage_in_a_slot_is_an_empty_slot() {
    let recording = Recording::default();
    ONE.publish(&recording, a(), &validation("a", NOW), LATER);
    let (name, good) = recording.only();
    let (head, json) = good.split_at(33);
    let mut garbage: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for length in 0..=50 {
        garbage.extend([0, 1, 0xff].map(|byte| vec![byte; length]));
    }
    for at in 0..33 {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        garbage.push(bytes);
    }
    garbage.push([&good[..], b"x"].concat());
    garbage.push(json.to_vec());
    for text in [
        "null",
        "[]",
        "{}",
        r#"{"asked_at": 1, "max_age": null, "expires_at": null, "principal": {}}"#,
        r#"{"asked_at": {"secs": 18446744073709551615, "nanos": 4294967295}, "max_age": null,
            "expires_at": null, "principal": {"user_id": null, "key_id": null, "scopes": [], "roles": [],
            "is_admin": true}}"#,
        r#"{"asked_at": {"secs": 1, "nanos": 0}, "max_age": null, "expires_at": null, "principal": {"scopes": []}}"#,
        "\u{0}",
    ] {
        garbage.push([head, text.as_bytes()].concat());
    }
    garbage.push([head, b"[".repeat(100_000).as_slice()].concat());
    for bytes in garbage {
        let shown: String = bytes.escape_ascii().to_string().chars().take(200).collect();
        let data = LocalData::default();
        put(&data, &name, &bytes);
        assert_eq!(ONE.find(&data, a()), None, "{shown}");
        ONE.withdraw(&data, a());
        assert_eq!(data.get(&name).unwrap().0, bytes, "{shown}");
        assert!(
            ONE.publish(&data, a(), &validation("a", NOW), LATER),
            "{shown}"
        );
        assert_eq!(key_id(&data, a()).as_deref(), Some("a"), "{shown}");
    }
}

#[test]
fn so_many_keys_take_so_many_names() {
    let (shared, recording) = (SharedPrincipals::new(8), Recording::default());
    for index in 0..400 {
        let digest = digest(&format!("hk_live_{index}"));
        let told = validation(&format!("key_{index}"), NOW);
        assert!(shared.publish(&recording, digest, &told, LATER));
        assert_eq!(shared.find(&recording, digest), Some(told));
        if index % 2 == 0 {
            shared.withdraw(&recording, digest);
        }
    }
    let written = recording.written.borrow();
    assert_eq!(written.len(), 8);
    let holds_key = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"hk_live");
    assert!(!written.values().flatten().any(|value| holds_key(value)));
    assert!(!written.keys().any(|name| holds_key(name.as_bytes())));
}

#[test]
fn a_word_from_the_future_gives_way() {
    let data = LocalData::default();
    ONE.publish(&data, a(), &validation("future", NOW + MS), LATER);
    assert!(ONE.publish(&data, a(), &validation("now", NOW - MS), NOW));
    assert_eq!(key_id(&data, a()).as_deref(), Some("now"));
}

#[test]
fn a_newer_word_that_cannot_be_read_gives_way() {
    let data = Recording::default();
    ONE.publish(&data, a(), &validation("newer", NOW + MS), LATER);
    let (name, newer) = data.only();
    let unreadable = String::from_utf8_lossy(&newer[33..]).replace("\"scopes\"", "\"rights\"");
    put(
        &data,
        &name,
        &[&newer[..33], unreadable.as_bytes()].concat(),
    );
    assert!(ONE.publish(&data, a(), &validation("mine", NOW), LATER));
    assert_eq!(key_id(&data, a()).as_deref(), Some("mine"));
}

/// A quarter full, slots chosen by one number only would lose a fifth of the keys.
#[test]
fn few_keys_lose_their_slot_to_others() {
    let data = LocalData::default();
    let shared = SharedPrincipals::new(4096);
    let keys: Vec<KeyDigest> = (0..1000)
        .map(|number| digest(&format!("key-{number}")))
        .collect();
    for key in &keys {
        assert!(shared.publish(&data, *key, &validation("k", NOW), LATER));
    }
    let kept = keys
        .iter()
        .filter(|key| shared.find(&data, **key).is_some());
    assert!(kept.count() >= 970);
}

#[test]
fn the_older_of_two_slots_gives_way() {
    let data = LocalData::default();
    let shared = SharedPrincipals::new(2);
    let keys: Vec<KeyDigest> = (0..64)
        .map(|number| digest(&format!("key-{number}")))
        .collect();
    for (number, key) in (0..).zip(&keys) {
        shared.publish(&data, *key, &validation("k", NOW + MS * number), LATER);
    }
    // The last one, which has just been written, is there whatever came before.
    let kept: Vec<usize> = (0..64)
        .filter(|i| shared.find(&data, keys[*i]).is_some())
        .collect();
    assert_eq!(kept.last(), Some(&63));
    assert!(kept.len() == 2 && kept[0] > 50, "{kept:?}");
}

/// A module of before has read a reply without its limit to workspaces: what it says of a key counts for nothing.
#[test]
fn the_word_of_a_module_that_knew_no_workspaces_is_not_read() {
    let before = br#"{"asked_at":{"secs":1700000000,"nanos":0},"max_age":null,"expires_at":null,"principal":{"user_id":null,
        "key_id":"key_1","scopes":["model:write"],"roles":[],"is_admin":false,"grants":[],"has_foreign_words":false}}"#;
    let slot = |layout: u8| [&[layout][..], a().as_bytes(), before].concat();
    let shared = LocalData::default();
    put(&shared, "mlflow_authz/1/principal/0", &slot(1));
    assert_eq!(key_id(&shared, a()), None);
    put(
        &shared,
        &format!("mlflow_authz/{LAYOUT}/principal/0"),
        &slot(1),
    );
    assert_eq!(key_id(&shared, a()), None);
    // The same from a module of today is a key without a limit.
    put(
        &shared,
        &format!("mlflow_authz/{LAYOUT}/principal/0"),
        &slot(LAYOUT),
    );
    assert_eq!(key_id(&shared, a()).as_deref(), Some("key_1"));
}
