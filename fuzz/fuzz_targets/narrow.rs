//! Any request by a key that is limited to names. Input: method, target, headers a line each, an empty line, the body.
//! What is allowed is read again without care, as Python would (the last of doubled names, any spelling of a
//! field), and every name that is found must be in the grant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::catalog::Naming;
use mlflow_authz::decision::Effect;
use mlflow_authz::rules::Rules;
use mlflow_authz::{Config, RequestHead, decide};
use serde_json::Value;

const CONFIG: &[u8] =
    br#"{"auth_service": {"cluster": "a"}, "mounts": ["/api/mlflow", "/"], "bodies": "inspect", "body_limit": 4096}"#;
const KEY: &[u8] = br#"{"scopes": ["mlflow:admin:acme-*"], "grants": [{"scope": "mlflow:admin", "names": ["7"]}]}"#;

fuzz_target!(|data: &[u8]| {
    let end = data
        .windows(2)
        .position(|w| w == b"\n\n")
        .unwrap_or(data.len());
    let mut lines = data[..end].split(|b| *b == b'\n');
    let body = data.get(end + 2..).unwrap_or_default();
    let length = body.len().to_string();
    let method = lines.next().unwrap_or_default();
    let target = lines.next().unwrap_or_default();
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", method),
        (b":path", target),
        (b"authorization", b"Bearer k"),
    ];
    headers.extend(lines.filter_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        let value = line[colon + 1..].trim_ascii();
        // `content-length: =` is the right one.
        let value = if value == b"=" {
            length.as_bytes()
        } else {
            value
        };
        Some((&line[..colon], value))
    }));
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let Ok(config) = Config::parse(CONFIG) else {
        return;
    };
    let rules = Rules::new(config);
    let who = || decide::caller(KEY);
    let by_head = decide::decide_by_head(&rules, &head, who);
    let read = by_head.is_none();
    let decision = by_head.unwrap_or_else(|| decide::decide(&rules, &head, who, body));
    let Some(operation) = decision
        .operation
        .filter(|_| decision.effect() == Effect::Allow && decision.principal.is_some())
    else {
        return;
    };
    let elsewhere = headers
        .iter()
        .any(|(name, _)| spelled(name) == "x-mlflow-workspace");
    assert!(!elsewhere || operation.naming == Naming::Collection);
    match operation.naming {
        Naming::Untied => panic!("{} is tied to no name", operation.name),
        Naming::Collection => assert!(!read),
        Naming::ArtifactPath => {
            assert!(!read);
            let text = String::from_utf8_lossy(&fully_decoded(target)).into_owned();
            let path = text
                .split('?')
                .next()
                .and_then(|path| path.split_once("/artifacts/"));
            assert!(of_experiment_7(path.expect("below artifacts").1), "{text}");
        }
        Naming::ArtifactQuery => {
            assert!(!read);
            let paths = pairs(target).into_iter().filter(|(key, _)| key == "path");
            let paths: Vec<String> = paths.map(|(_, value)| value).collect();
            assert!(
                !paths.is_empty() && paths.iter().all(|path| of_experiment_7(path)),
                "{paths:?}"
            );
        }
        Naming::Fields(_) if read => {
            assert!(method != b"GET" && method != b"HEAD");
            let json: Value = serde_json::from_slice(body).expect("JSON");
            let fields = json.as_object().expect("an object");
            let text = |value: &Value| value.as_str().map(str::to_owned).expect("text");
            let names: Vec<_> = fields
                .iter()
                .filter(|(key, _)| names_something(key))
                .collect();
            assert!(!names.is_empty());
            for (key, value) in names {
                assert!(granted(key, &text(value)), "{key}: {value}");
            }
        }
        Naming::Fields(_) => {
            assert_eq!(method, b"GET");
            let names: Vec<_> = pairs(target)
                .into_iter()
                .filter(|(key, _)| names_something(key))
                .collect();
            assert!(!names.is_empty());
            assert!(
                names.iter().all(|(key, value)| granted(key, value)),
                "{names:?}"
            );
        }
    }
});

/// A header's name as WSGI has it.
fn spelled(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .to_lowercase()
        .replace('_', "-")
}

fn folded(key: &str) -> String {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn names_something(key: &str) -> bool {
    matches!(
        folded(key).as_str(),
        "name"
            | "newname"
            | "experimentname"
            | "experimentid"
            | "source"
            | "modelid"
            | "artifactlocation"
    )
}

fn granted(key: &str, value: &str) -> bool {
    match folded(key).as_str() {
        "experimentid" => value == "7",
        "modelid" | "artifactlocation" => value.is_empty(),
        "source" => {
            let model = value
                .strip_prefix("models:/")
                .and_then(|rest| rest.split(['/', '@']).next());
            let path = value.strip_prefix("mlflow-artifacts:/");
            // Everything: this key lacks the wide permission for any other source.
            matches!(value, "dummy-source" | "prompt-template")
                || model.is_some_and(acme)
                || path.is_some_and(of_experiment_7)
        }
        _ => acme(value),
    }
}

fn acme(name: &str) -> bool {
    name == "7" || name.starts_with("acme-")
}

/// The experiment's id, whatever is decoded and resolved.
fn of_experiment_7(path: &str) -> bool {
    let decoded = String::from_utf8_lossy(&fully_decoded(path.as_bytes())).into_owned();
    let mut segments = decoded.split(['/', '\\']).peekable();
    if segments.peek() == Some(&"workspaces") {
        segments.nth(1);
    }
    segments.next() == Some("7") && segments.all(|segment| segment != ".." && segment != ".")
}

fn pairs(target: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(target).replace('+', " ");
    let query = text
        .split_once('?')
        .map(|(_, query)| query.to_owned())
        .unwrap_or_default();
    let decoded = |text: &str| String::from_utf8_lossy(&decoded_once(text.as_bytes())).into_owned();
    let pair = |piece: &str| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        (decoded(key), decoded(value))
    };
    query.split('&').map(pair).collect()
}

fn decoded_once(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let digits = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                rest = &tail[2..];
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}

fn fully_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    loop {
        let decoded = decoded_once(&bytes);
        if decoded == bytes {
            return bytes;
        }
        bytes = decoded;
    }
}
