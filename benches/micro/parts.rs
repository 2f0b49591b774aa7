//! Single steps: the key, its digest, the cache, what the auth service says, a body that holds a name.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use mlflow_authz::Config;
use mlflow_authz::RequestHead;
use mlflow_authz::auth_service::{
    AuthServiceClient, Contract, KeyDigest, Lifetime, Reply, Verdict,
};
use mlflow_authz::catalog::CATALOG;
use mlflow_authz::credential::extract;
use mlflow_authz::names::read_body;
use mlflow_authz::permission::Permission;
use mlflow_authz::policy::Policy;
use mlflow_authz::principal::Principal;
use mlflow_authz::principals::{Found, Principals, Validation};
use mlflow_authz::request::Header;

const NOW: Duration = Duration::from_secs(1_000_000);

fn config() -> Config {
    Config::parse(br#"{"auth_service": {"cluster": "auth"}, "mounts": ["/api/mlflow", "/"]}"#)
        .unwrap()
}

fn presenting<'a>(authorization: &'a str) -> [Header<'a>; 4] {
    [
        (b":method", b"POST"),
        (b":path", b"/api/2.0/mlflow/runs/create"),
        (b"accept", b"*/*"),
        (b"authorization", authorization.as_bytes()),
    ]
}

fn digest_of(client: &AuthServiceClient, authorization: &str) -> KeyDigest {
    let head = RequestHead {
        headers: &presenting(authorization),
        facts: None,
    };
    let key = extract(&head, None, &config().credentials).unwrap();
    client.digest(&key, None)
}

#[divan::bench(args = ["Bearer hk_live_0123456789abcdefghij", "Basic dXNlcjpoa19saXZlXzAxMjM0NTY3ODlhYmNkZWZnaGlq"])]
fn find_the_key(bencher: Bencher<'_, '_>, authorization: &str) {
    let headers = presenting(authorization);
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let kinds = config().credentials;
    assert!(extract(&head, None, &kinds).is_ok());
    bencher.bench_local(|| extract(black_box(&head), None, &kinds).is_ok());
}

/// By the length of the key.
#[divan::bench(args = [28, 39, 40, 100])]
fn digest(bencher: Bencher<'_, '_>, length: usize) {
    let authorization = format!("Bearer {}", "k".repeat(length));
    let headers = presenting(&authorization);
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let config = config();
    let key = extract(&head, None, &config.credentials).unwrap();
    let client = AuthServiceClient::new(config.auth_service.expect("an auth service"));
    bencher.bench_local(|| client.digest(black_box(&key), None));
}

/// Every entry in turn.
#[divan::bench(args = [1, 100, 10_000])]
fn lru_hit(bencher: Bencher<'_, '_>, keys: usize) {
    let config = config();
    let client = AuthServiceClient::new(config.auth_service.clone().expect("an auth service"));
    let mut principals = Principals::new(config.cache);
    let digests: Vec<KeyDigest> = (0..keys)
        .map(|number| digest_of(&client, &format!("Bearer hk_live_{number}")))
        .collect();
    for digest in &digests {
        let validation = Validation {
            principal: Arc::new(Principal::default()),
            asked_at: NOW,
            lifetime: Lifetime::default(),
        };
        principals.keep(*digest, validation);
    }
    let mut turn = digests.iter().cycle();
    let mut find = || principals.find(*turn.next().unwrap(), NOW);
    assert!(matches!(find(), Found::Fresh { .. }));
    bencher.bench_local(find);
}

#[divan::bench]
fn policy(bencher: Bencher<'_, '_>) {
    let policy = Policy::new(&config());
    let principal = Principal {
        scopes: ["mlflow:access", "model:read", "model:write"]
            .map(str::to_owned)
            .into(),
        roles: vec!["contributor".to_owned()],
        ..Principal::default()
    };
    let operation = CATALOG.find("POST", "/api/2.0/mlflow/runs/create").unwrap();
    let required = Permission::new(operation.object, operation.access);
    assert!(policy.grants(&principal, required));
    bencher.bench_local(|| policy.grants(black_box(&principal), black_box(required)));
}

#[divan::bench]
fn auth_reply(bencher: Bencher<'_, '_>) {
    let reply = Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        cache_control: Some(b"max-age=60"),
        body: br#"{"user_id": "user_123", "key_id": "key_123", "service_id": "mlflow",
            "scopes": ["mlflow:access", "model:read", "model:write"], "roles": ["contributor"],
            "is_admin": false, "rate_limit_per_hour": 1000, "email": "user@example.com",
            "user": {"id": "user_123", "email": "user@example.com", "roles": ["contributor"], "is_admin": false}}"#,
    };
    assert!(matches!(
        reply.verdict(&Contract::default()),
        Verdict::Valid(..)
    ));
    bencher.bench_local(|| black_box(&reply).verdict(&Contract::default()));
}

#[divan::bench]
fn narrow_body(bencher: Bencher<'_, '_>) {
    let path = "/api/2.0/mlflow/registered-models/set-tag";
    let operation = CATALOG.find("POST", path).unwrap();
    let required = Permission::new(operation.object, operation.access);
    let body = br#"{"name": "acme-churn", "key": "validated_by", "value": "team-risk"}"#;
    let length = body.len().to_string();
    let headers: [Header<'_>; 4] = [
        (b":method", b"POST"),
        (b":path", path.as_bytes()),
        (b"content-type", b"application/json"),
        (b"content-length", length.as_bytes()),
    ];
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    assert!(read_body(operation, required, &head, body).is_ok());
    bencher.bench_local(|| read_body(operation, required, &head, black_box(body)));
}
