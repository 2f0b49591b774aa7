//! A digest that is remembered is the one that is computed.

use super::{SLOTS, SeenKeys};
use crate::auth_service::{AuthServiceClient, KeyDigest};
use crate::config::Config;
use crate::credential::ApiKey;

fn client() -> AuthServiceClient {
    let text = br#"{"auth_service": {"cluster": "auth", "send_client_ip": true}, "mounts": ["/"]}"#;
    AuthServiceClient::new(Config::parse(text).unwrap().auth_service.unwrap())
}

fn computed(client: &AuthServiceClient, key: &str, address: Option<&str>) -> KeyDigest {
    client.digest(&ApiKey::sent(key.as_bytes(), 100).unwrap(), address)
}

#[test]
fn digests_are_those_of_the_client() {
    let client = client();
    let mut seen = SeenKeys::new();
    let addresses = [None, Some("10.0.0.1"), Some("10.0.0.2")];
    for round in 0..3 {
        // More than there are slots, so that they drive each other out.
        for number in 0..2 * SLOTS {
            let key = format!("hk_live_{number:020}");
            let address = addresses[(number + round) % 3];
            let digest = seen.digest(&key, address, || computed(&client, &key, address));
            assert_eq!(digest, computed(&client, &key, address), "{key}");
        }
    }
}

#[test]
fn where_the_key_ends_counts() {
    let client = client();
    let mut seen = SeenKeys::new();
    let cases = [
        ("key1", Some("0.0.0.1")),
        ("key10", Some(".0.0.1")),
        ("key10.0.0.1", None),
        // One that is not known, and one without a text: to the digest they are the same.
        ("key1", None),
        ("key1", Some("")),
    ];
    let digests =
        cases.map(|(key, address)| seen.digest(key, address, || computed(&client, key, address)));
    assert_eq!(
        digests,
        cases.map(|(key, address)| computed(&client, key, address))
    );
}

#[test]
fn a_key_that_comes_again_is_not_hashed_again() {
    let client = client();
    let mut seen = SeenKeys::new();
    let first = seen.digest("key1", None, || computed(&client, "key1", None));
    let again = seen.digest("key1", None, || panic!("computed again"));
    assert_eq!(first, again);
}

/// As a VM does, a thread draws the standard library's random keys anew. Two of one VM differ by a counter at least.
/// WebAssembly has no threads.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn each_vm_has_a_secret_of_its_own() {
    let hashes = || [(); 2].map(|()| SeenKeys::new().hash("key1", ""));
    let vms = [(); 2].map(|()| std::thread::spawn(hashes));
    let mut all = vms.map(|vm| vm.join().unwrap()).concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn no_secret_and_no_hash_is_shown() {
    let client = client();
    let mut seen = SeenKeys::new();
    seen.digest("key1", None, || computed(&client, "key1", None));
    assert_eq!(format!("{seen:?}"), "SeenKeys(hidden)");
}
