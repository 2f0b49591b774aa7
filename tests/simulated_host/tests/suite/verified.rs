//! Verified tokens and client certificates, as a host tells of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use simulated_host::faults::When;
use simulated_host::pairs::find;
use simulated_host::status::FAILURES;
use simulated_host::stream::{Outcome, Request};
use simulated_host::world::{READ, WRITE, World, request};

const CONFIGURATION: &str = r#"{
    "mounts": ["/api/mlflow"],
    "jwt": {"grants": "/grants", "is_admin": "/admin"},
    "mtls": {"by": "uri_san", "principals": {"spiffe://c/ns/ml/*": {"scopes": ["model:read"]}}},
    "roles": {"lead": ["run:write"]}
}"#;

const URI: &[u8] = b"connection\0uri_san_peer_certificate";

fn world() -> World {
    World::new(1, CONFIGURATION, 1)
}

/// A request whose token had these claims.
fn with_claims(target: (&str, &str), claims: &Value) -> Request {
    Request {
        metadata: json!({"envoy.filters.http.jwt_authn": {"payload": claims}}),
        ..request(target, None, &[("x-mlflow-authz-user", "root")])
    }
}

/// A request of a connection whose certificate has this URI.
fn with_certificate(target: (&str, &str), uri: &[u8]) -> Request {
    Request {
        properties: BTreeMap::from([(URI.to_vec(), uri.to_vec())]),
        ..request(target, None, &[])
    }
}

fn upstream(world: &World, stream: u32, name: &str) -> Option<String> {
    match world.outcome(0, stream) {
        Some(Outcome::Forwarded(headers)) => {
            find(headers, name).map(|value| String::from_utf8_lossy(value).into_owned())
        }
        other => panic!("{other:?}"),
    }
}

fn alice(more: Value) -> Value {
    let mut claims = json!({"iss": "https://idp", "sub": "alice", "exp": 4_000_000_000_u64, "scope": "model:read openid"});
    if let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) {
        claims.extend(more);
    }
    claims
}

#[test]
fn claims_are_the_caller() {
    for (claims, read, write) in [
        (alice(json!({})), "forwarded", "403 scope_missing"),
        (
            alice(json!({"scope": ["model:read"]})),
            "forwarded",
            "403 scope_missing",
        ),
        (
            alice(json!({"scope": null, "scp": ["tracking:write"]})),
            "forwarded",
            "forwarded",
        ),
        (
            alice(json!({"scope": "x", "realm_access": {"roles": ["lead"]}})),
            "403 scope_missing",
            "forwarded",
        ),
        (
            alice(json!({"scope": "x", "roles": null, "groups": ["lead"]})),
            "403 scope_missing",
            "forwarded",
        ),
        (alice(json!({"admin": true})), "forwarded", "forwarded"),
        (
            alice(json!({"scope": "x", "admin": "\u{1}x"})),
            "403 scope_missing",
            "403 scope_missing",
        ),
        (
            alice(json!({"scope": {"model:read": ""}})),
            "403 scope_missing",
            "403 scope_missing",
        ),
        (
            alice(json!({"scope": [["model:read"]]})),
            "403 scope_missing",
            "403 scope_missing",
        ),
        (
            alice(json!({"scope": ["model:read", null]})),
            "403 scope_missing",
            "403 scope_missing",
        ),
        (
            alice(json!({"scope": "\u{1}\0\0\0\u{c}\0\0\0\0\0\0\0mlflow:admin\0\0"})),
            "403 scope_missing",
            "403 scope_missing",
        ),
        (
            alice(json!({"exp": 0})),
            "401 key_invalid",
            "401 key_invalid",
        ),
        (
            alice(json!({"exp": null})),
            "401 key_invalid",
            "401 key_invalid",
        ),
        (
            alice(json!({"sub": ["alice"]})),
            "401 key_invalid",
            "401 key_invalid",
        ),
        (json!({}), "403 scope_missing", "403 scope_missing"),
    ] {
        let mut world = world();
        for (target, expected) in [(READ, read), (WRITE, write)] {
            let stream = world.open(0, with_claims(target, &claims));
            assert_eq!(world.result(0, stream), expected, "{claims} {target:?}");
            if expected == "forwarded" {
                assert_eq!(
                    upstream(&world, stream, "x-mlflow-authz-user").as_deref(),
                    Some("alice"),
                    "{claims}"
                );
            }
        }
        assert_eq!(world.callouts(), 0);
        world.assert_sound();
    }
}

#[test]
fn a_certificate_is_the_caller_beside_nothing_else() {
    let mut world = world();
    let stream = world.open(0, with_certificate(READ, b"spiffe://c/ns/ml/sa/t"));
    assert_eq!(world.result(0, stream), "forwarded");
    assert_eq!(
        upstream(&world, stream, "x-mlflow-authz-key").as_deref(),
        Some("spiffe://c/ns/ml/sa/t")
    );
    for (name, expected) in [
        (&b"spiffe://c/ns/ml/sa/t"[..], "forwarded"),
        (b"spiffe://c/ns/web/sa/t", "401 key_invalid"),
        (b"spiffe://c/ns/ml/\xff", "401 key_invalid"),
        (b"spiffe://c/ns/ml/\n", "401 key_invalid"),
        (b"", "401 credential_missing"),
    ] {
        let stream = world.open(0, with_certificate(READ, name));
        assert_eq!(world.result(0, stream), expected, "{}", name.escape_ascii());
    }
    let with_key = Request {
        properties: BTreeMap::from([(URI.to_vec(), b"spiffe://c/ns/ml/sa/t".to_vec())]),
        ..request(READ, Some("hk_live_a"), &[])
    };
    let stream = world.open(0, with_key);
    assert_eq!(world.result(0, stream), "401 key_invalid");
    let stream = world.open(
        0,
        request(
            READ,
            None,
            &[("x-forwarded-client-cert", "URI=spiffe://c/ns/ml/sa/t")],
        ),
    );
    assert_eq!(world.result(0, stream), "401 credential_missing");
    world.assert_sound();
}

#[test]
fn a_token_ends_while_it_is_used() {
    let mut world = world();
    let end = (world.commons.borrow().clock.now() + Duration::from_secs(10)).as_secs();
    let claims = alice(json!({"exp": end}));
    for (later, expected) in [
        (0, "forwarded"),
        (9, "forwarded"),
        (1, "401 key_invalid"),
        (1000, "401 key_invalid"),
    ] {
        world.advance(Duration::from_secs(later));
        let stream = world.open(0, with_claims(READ, &claims));
        assert_eq!(world.result(0, stream), expected, "{later}");
    }
}

/// A host that fails says nothing, and then nobody is let in, nor taken for less than he is.
#[test]
fn no_failing_property_changes_who_the_caller_is() {
    let claims = alice(json!({"scope": ["model:read"], "roles": ["lead"], "admin": false}));
    let requests: [fn(&Value) -> Request; 2] = [
        |claims| with_claims(READ, claims),
        |_| with_certificate(READ, b"spiffe://c/ns/ml/sa/t"),
    ];
    for open in requests {
        let run = |fault: Option<(When, u32)>| {
            let mut world = world();
            if let Some((when, status)) = fault {
                world.workers[0]
                    .host_mut()
                    .faults
                    .order("proxy_get_property", when, status);
            }
            let stream = world.open(0, open(&claims));
            world.assert_sound();
            let made = world.workers[0]
                .host()
                .faults
                .made()
                .get("proxy_get_property")
                .copied();
            (
                world.outcome(0, stream).cloned(),
                world.result(0, stream),
                made.unwrap_or_default(),
            )
        };
        let (usual, result, made) = run(None);
        assert_eq!(result, "forwarded");
        assert!(made > 0);
        for (status, name) in FAILURES {
            // Those say that there is nothing, and that it is null.
            if [1, 3].contains(&status) {
                continue;
            }
            for nth in (1..=made).map(When::Nth).chain([When::Always]) {
                let (outcome, result, _) = run(Some((nth, status)));
                // The calls of the configuration, and of records.
                let is_harmless = outcome == usual;
                assert!(
                    is_harmless || result == "503 auth_unavailable",
                    "{nth:?} {name}: {result}"
                );
            }
        }
    }
}

/// Whatever bytes a host has for a claim.
#[test]
fn no_bytes_trap() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut world = world();
    for round in 0..400 {
        let mut properties = BTreeMap::new();
        for claim in [
            "exp",
            "sub",
            "scope",
            "scp",
            "roles",
            "realm_access\0roles",
            "groups",
            "grants",
            "admin",
            "",
        ] {
            let path = format!(
                "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload\0{claim}"
            );
            let mut bytes: Vec<u8> = (0..random.usize(0..40)).map(|_| random.u8(..)).collect();
            if let Some(count) = bytes.first_chunk_mut::<4>()
                && round % 2 == 0
            {
                *count = [random.u8(0..4), 0, 0, 0];
            }
            properties.insert(path.trim_end_matches('\0').as_bytes().to_vec(), bytes);
        }
        let open = Request {
            properties,
            ..request(WRITE, None, &[])
        };
        let stream = world.open(0, open);
        let result = world.result(0, stream);
        assert!(
            ["401 key_invalid", "403 scope_missing", "forwarded"].contains(&result.as_str()),
            "{result}"
        );
    }
    world.assert_sound();
}

/// What nobody configured costs nothing, and what a configured source costs is told.
#[test]
fn host_calls_of_each_source() {
    let properties = |configuration: &str, open: fn() -> Request, expected: &str| {
        let mut world = World::new(1, configuration, 1);
        for _ in 0..2 {
            let stream = world.open(0, open());
            world.reply_to_all();
            assert_eq!(world.result(0, stream), expected);
            world.workers[0].delete(stream);
        }
        let count = |world: &World| {
            let made = world.workers[0].host().faults.made();
            made.get("proxy_get_property").copied().unwrap_or_default()
        };
        let before = count(&world);
        let stream = world.open(0, open());
        assert_eq!(world.result(0, stream), expected);
        count(&world) - before
    };
    let only = |source: &str| format!(r#"{{"mounts": ["/api/mlflow"], {source}}}"#);
    let service = r#""auth_service": {"cluster": "auth_service"}"#;
    let jwt = r#""jwt": {}"#;
    let mtls =
        r#""mtls": {"by": "uri_san", "principals": {"spiffe://*": {"scopes": ["model:read"]}}}"#;
    let by_key: fn() -> Request = || request(READ, Some("reader"), &[]);
    let by_claims: fn() -> Request = || with_claims(READ, &alice(json!({})));
    let by_certificate: fn() -> Request = || with_certificate(READ, b"spiffe://c/ns/ml/sa/t");
    for (name, configuration, open, most) in [
        ("a key, neither configured", only(service), by_key, 0),
        (
            "a key beside mtls",
            only(&format!("{service}, {mtls}")),
            by_key,
            0,
        ),
        (
            "a key beside jwt",
            only(&format!("{service}, {jwt}")),
            by_key,
            2,
        ),
        ("claims", only(jwt), by_claims, 10),
        ("a certificate", only(mtls), by_certificate, 1),
        (
            "a certificate beside jwt",
            only(&format!("{jwt}, {mtls}")),
            by_certificate,
            3,
        ),
    ] {
        let calls = properties(&configuration, open, "forwarded");
        println!("| {name} | {calls} get_property |");
        assert!(calls <= most, "{name}: {calls}");
    }
}
