//! What the auth service may reply, and what a proxy puts in the place of a reply.

use std::borrow::Cow;

use proxy_wasm_host::abi::v0_2_1::HttpCallResponse;

/// 200 for a key of the user `user_<name>` and the id `id_<name>`.
pub fn valid(name: &str, scopes: &[&str]) -> HttpCallResponse<'static> {
    let body = serde_json::json!({
        "user_id": format!("user_{name}"), "key_id": format!("id_{name}"), "scopes": scopes,
    });
    with_body("200", &body.to_string())
}

/// A status with a body that would be a good one on a 200, for an administrator.
pub fn status(status: &str) -> HttpCallResponse<'static> {
    with_body(status, r#"{"scopes": ["admin"], "is_admin": true}"#)
}

/// A list of revoked key ids.
pub fn revoked(key_ids: &[&str], next: &str) -> HttpCallResponse<'static> {
    let body = serde_json::json!({"key_ids": key_ids, "next": next, "more": false});
    with_body("200", &body.to_string())
}

/// A reply of the service itself. A proxy that is not Envoy adds no header to it.
pub fn with_body(status: &str, body: &str) -> HttpCallResponse<'static> {
    let header = |name: &'static str, value: &str| {
        let value = Cow::Owned(value.as_bytes().to_vec());
        (Cow::Borrowed(name.as_bytes()), value)
    };
    let headers = vec![
        header(":status", status),
        header("content-type", "application/json"),
    ];
    HttpCallResponse::received(headers).with_body(body.as_bytes().to_vec())
}
