//! What a configured service is sent.

use super::{client, key};

/// The request as text, headers in their order.
fn sent(auth_service: &str, text: &str, address: Option<&str>) -> String {
    let callout = client(auth_service).ask(&key(text), address);
    let headers = callout.headers.iter();
    let mut shown: Vec<String> = headers
        .filter(|(name, _)| name != ":authority" && name != "accept")
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    shown.push(String::from_utf8(callout.body).unwrap());
    shown.join("\n")
}

const BASE: &str = r#""cluster": "c", "path": "/v""#;

#[test]
fn the_key_stands_where_the_configuration_says() {
    for (more, expected) in [
        (
            "",
            ":method: POST\n:path: /v\nauthorization: Bearer K1\ncontent-type: application/json\n{\"service_id\":\"mlflow\"}",
        ),
        (
            r#", "method": "GET""#,
            ":method: GET\n:path: /v\nauthorization: Bearer K1\ncache-control: no-cache, no-store\npragma: no-cache\n",
        ),
        (
            r#", "method": "GET", "key_in": "header:X-Api-Key""#,
            ":method: GET\n:path: /v\nx-api-key: K1\ncache-control: no-cache, no-store\npragma: no-cache\n",
        ),
        (
            r#", "key_in": "header:x-key""#,
            ":method: POST\n:path: /v\nx-key: K1\ncontent-type: application/json\n{\"service_id\":\"mlflow\"}",
        ),
        (
            r#", "key_in": "json:api_key""#,
            ":method: POST\n:path: /v\ncontent-type: application/json\n{\"service_id\":\"mlflow\",\"api_key\":\"K1\"}",
        ),
        (
            r#", "key_in": "json:apiKey", "send_client_ip": true, "service_id": "m""#,
            ":method: POST\n:path: /v\ncontent-type: application/json\n{\"service_id\":\"m\",\"client_ip\":\"::1\",\"apiKey\":\"K1\"}",
        ),
        (
            r#", "key_in": "form:token", "send_client_ip": true, "service_id": "a b""#,
            ":method: POST\n:path: /v\ncontent-type: application/x-www-form-urlencoded\ntoken=K1&service_id=a%20b&client_ip=%3A%3A1",
        ),
        (
            r#", "key_in": "json:key", "headers": ["X-Service-Token: s e c", "authorization: Basic eA=="]"#,
            ":method: POST\n:path: /v\ncontent-type: application/json\nx-service-token: s e c\nauthorization: Basic eA==\n{\"service_id\":\"mlflow\",\"key\":\"K1\"}",
        ),
        (
            r#", "protocol": "introspection", "audience": "mlflow", "headers": ["authorization: Basic eA=="]"#,
            ":method: POST\n:path: /v\ncontent-type: application/x-www-form-urlencoded\nauthorization: Basic eA==\ntoken=K1&token_type_hint=access_token",
        ),
    ] {
        assert_eq!(
            sent(&format!("{{{BASE}{more}}}"), "K1", Some("::1")),
            expected,
            "{more}"
        );
    }
}

/// Every character that a key can have: no text ends its value, and all of it arrives.
#[test]
fn a_key_is_encoded_as_a_whole() {
    let every: String = (b'!'..=b'~').map(char::from).collect();
    let form = sent(
        &format!(r#"{{{BASE}, "protocol": "introspection", "audience": null}}"#),
        &every,
        None,
    );
    let (_, body) = form.rsplit_once('\n').unwrap();
    let token = body.strip_prefix("token=").unwrap();
    let token = token.strip_suffix("&token_type_hint=access_token").unwrap();
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)),
        "{token}"
    );
    let mut decoded = Vec::new();
    let mut rest = token.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (digits, tail) = tail.split_at(2);
            let digits = std::str::from_utf8(digits).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            rest = tail;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    assert_eq!(String::from_utf8(decoded).unwrap(), every);
    let json = sent(
        &format!(r#"{{{BASE}, "key_in": "json:key"}}"#),
        &every,
        None,
    );
    let (_, body) = json.rsplit_once('\n').unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["key"], every.as_str());
    assert_eq!(body.as_object().unwrap().len(), 2);
}

/// Listeners with different configurations never share an entry.
#[test]
fn digests_differ_where_what_is_asked_or_read_does() {
    let digest = |more: &str| client(&format!("{{{BASE}{more}}}")).digest(&key("K1"), None);
    let configurations = [
        "",
        r#", "method": "GET""#,
        r#", "key_in": "header:x-key""#,
        r#", "key_in": "header:x-key2""#,
        r#", "key_in": "json:x-key""#,
        r#", "key_in": "form:x-key""#,
        r#", "headers": ["a: b"]"#,
        r#", "headers": ["a: c"]"#,
        r#", "headers": ["b: b"]"#,
        r#", "headers": ["a: b", "b: b"]"#,
        r#", "headers": ["b: b", "a: b"]"#,
        r#", "reply": {}"#,
        r#", "reply": {"valid": "/a"}"#,
        r#", "reply": {"user_id": "/a"}"#,
        r#", "reply": {"scopes": "/a"}"#,
        r#", "reply": {"scopes": []}"#,
        r#", "reply": {"scopes": ["/a", "/b"]}"#,
        r#", "reply": {"scopes": "/a/b"}"#,
        r#", "reply": {"scopes": "/a", "roles": "/b"}"#,
        r#", "reply": {"expires_at": "/a"}"#,
        r#", "protocol": "introspection", "audience": null"#,
        r#", "protocol": "introspection", "audience": "a""#,
        r#", "protocol": "introspection", "audience": "b""#,
    ];
    for (place, one) in configurations.iter().enumerate() {
        for other in configurations.iter().skip(place + 1) {
            assert_ne!(digest(one), digest(other), "{one} {other}");
        }
    }
    assert_eq!(
        digest(r#", "key_in": "bearer", "method": "POST", "protocol": "keys", "headers": []"#),
        digest("")
    );
}
