//! A JSON Pointer (first line) and a reply (the rest): what a pointer finds is what serde_json's finds, and nothing
//! where a name on the way is duplicated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::auth_service::{Contract, Reply, Verdict};
use mlflow_authz::config::Config;
use mlflow_authz::pointer::Pointer;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (text, body) = data.split_at(split);
    let body = body.get(1..).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Some(pointer) = Pointer::parse(text) else {
        return;
    };
    let written: String = pointer
        .tokens()
        .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
        .collect();
    assert_eq!(written, text);

    let config = json!({"auth_service": {"cluster": "a", "reply": {"user_id": text}}, "mounts": ["/"]});
    let config = Config::parse(config.to_string().as_bytes()).expect("a pointer is a place");
    let reply = Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        cache_control: None,
        body,
    };
    let Verdict::Valid(principal, _) = reply.verdict(&Contract::new(config.auth_service.as_ref().unwrap())) else {
        return;
    };
    // Some texts are JSON here and not to serde_json: what is never read need not be decodable.
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let found = match value.pointer(text) {
        None | Some(Value::Null) => None,
        // An id in which nothing stands is none.
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(other) => panic!("{text}: {other} is no id"),
    };
    assert_eq!(principal.user_id, found, "{text}");
});
