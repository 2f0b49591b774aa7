//! Any reply of an introspection endpoint (first line: status, then the body): rights come from an active token for the
//! configured audience alone, and no status of the endpoint is about the caller.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mlflow_authz::auth_service::{Contract, Reply, Verdict};
use mlflow_authz::config::Config;
use mlflow_authz::principal::scopes_of_text;
use serde_json::Value;

const SECRET: &str = "hk_live_secret";

fn contract(reply: &str) -> Contract {
    let text = format!(
        r#"{{"auth_service": {{"cluster": "a", "path": "/i", "protocol": "introspection", "audience": "mlflow"{reply}}}, "mounts": ["/"]}}"#
    );
    let config = Config::parse(text.as_bytes()).expect("a configuration");
    Contract::new(config.auth_service.as_ref().unwrap())
}

static PLAIN: LazyLock<Contract> = LazyLock::new(|| contract(""));
static PLACES: LazyLock<Contract> = LazyLock::new(|| {
    contract(
        r#", "reply": {"valid": "/ok", "scopes": ["/scope", "/a/scp"], "roles": "/a/roles", "is_admin": "/a/admin",
            "grants": "/a/grants", "expires_at": ["/a/exp", "/a/0"], "user_id": "/a/b/c", "key_id": "/~1~0"}"#,
    )
});

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (status, body) = data.split_at(split);
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|s| s.trim().parse().ok())
        .unwrap_or(200);
    let body = body.get(1..).unwrap_or_default();
    let reply = Reply::Response {
        status,
        from_service: true,
        retry_after: Some(b"7"),
        cache_control: Some(body),
        body,
    };
    let value: Option<Value> = serde_json::from_slice(body).ok();
    for (contract, is_plain) in [(&*PLAIN, true), (&*PLACES, false)] {
        match reply.verdict(contract) {
            Verdict::Valid(principal, _) => {
                assert_eq!(status, 200);
                assert!(principal.has_foreign_words);
                let Some(value) = &value else { continue };
                assert_eq!(value["active"], Value::Bool(true));
                let is_meant = match &value["aud"] {
                    Value::String(one) => one == "mlflow",
                    Value::Array(many) => many.iter().any(|it| it == "mlflow"),
                    _ => false,
                };
                assert!(is_meant);
                if is_plain {
                    assert!(!principal.is_admin && principal.roles.is_empty() && principal.grants.is_empty());
                    let words = match &value["scope"] {
                        Value::String(text) => scopes_of_text(text),
                        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                        _ => Vec::new(),
                    };
                    assert_eq!(principal.scopes, words);
                } else {
                    assert_eq!(value["ok"], Value::Bool(true));
                    assert_eq!(principal.is_admin, value["a"]["admin"] == Value::Bool(true));
                }
            }
            Verdict::Unavailable(failure) => assert!(!failure.to_string().contains(SECRET)),
            Verdict::Invalid => assert_eq!(status, 200),
            other => panic!("{status}: {other:?} is about the caller"),
        }
    }
});
