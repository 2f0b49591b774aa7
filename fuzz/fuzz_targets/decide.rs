//! A whole request and the auth service's reply. Input: method, target, headers a line each, an empty line, then
//! the reply: status, a line break, the body. Never allowed without a valid principal that grants it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::auth_service::Reply;
use mlflow_authz::catalog::Isolation;
use mlflow_authz::decision::Effect;
use mlflow_authz::rules::Rules;
use mlflow_authz::upstream::{HeaderEdit, HeaderEdits};
use mlflow_authz::{Config, Reason, RequestHead, decide};

const CONFIG: &[u8] = br#"{"auth_service": {"cluster": "a"}, "mounts": ["/m", "/"],
    "credentials": ["bearer", "x-api-key", "basic", "query"], "forward_credential": false}"#;

/// Beginnings of the tags of a page.
const TAGS: &[&str] = &[
    "!doctype html>", "html lang=\"en\">", "head>", "/head>", "meta ", "title>", "/title>", "style>", "/style>", "body>",
    "/body>", "main>", "/main>", "h1>", "/h1>", "h2>", "/h2>", "p>", "/p>", "dl>", "/dl>", "dt>", "/dt>", "dd>", "/dd>",
    "code>", "/code>", "ul>", "/ul>", "li>", "/li>", "a rel=\"noreferrer\" href=\"/", "/a>", "/html>",
];

const WORKSPACES: &[u8] = br#"{"auth_service": {"cluster": "a"}, "mounts": ["/m", "/"], "workspaces": {"enabled": true}}"#;

/// An administrator of one workspace does nothing in another, and upstream is told of one workspace.
fn within_a_workspace(head: &RequestHead<'_>) {
    let Ok(config) = Config::parse(WORKSPACES) else {
        return;
    };
    let rules = Rules::new(config);
    let who = || decide::caller(br#"{"scopes": ["acme/mlflow:admin"]}"#);
    let decision = decide::decide(&rules, head, who, b"");
    if decision.mount.is_none() || decision.effect() != Effect::Allow {
        return;
    }
    let spelled = |name: &[u8]| String::from_utf8_lossy(name).to_lowercase().replace(['_', '.'], "-");
    let is_header = |name: &[u8]| spelled(name) == "x-mlflow-workspace";
    let mut upstream: Vec<(&[u8], &[u8])> = head.headers.to_vec();
    let edits = HeaderEdits::of(rules.config(), &decision, None, head);
    for edit in edits.iter() {
        match edit {
            HeaderEdit::Remove(name) => upstream.retain(|(it, _)| *it != name),
            HeaderEdit::Add(name, value) => {
                assert!(!upstream.iter().any(|(it, _)| spelled(it) == spelled(name.as_bytes())));
                upstream.push((name.as_bytes(), value.as_bytes()));
            }
            HeaderEdit::Set(name, value) => {
                upstream.retain(|(it, _)| *it != name.as_bytes());
                upstream.push((name.as_bytes(), value.as_bytes()));
            }
        }
    }
    let selected: Vec<&[u8]> = upstream.iter().filter(|(it, _)| is_header(it)).map(|(_, it)| *it).collect();
    assert_eq!(selected.len(), 1);
    let shared = decision.operation.is_some_and(|it| it.isolation == Isolation::Shared);
    if decision.reason == Reason::Allowed && !shared {
        assert_eq!(selected, [b"acme"]);
        let sent: Vec<&[u8]> = head.headers.iter().filter(|(it, _)| is_header(it)).map(|(_, it)| it.trim_ascii()).collect();
        assert_eq!(sent, [b"acme"]);
    }
}

fuzz_target!(|data: &[u8]| {
    let end = data
        .windows(2)
        .position(|w| w == b"\n\n")
        .unwrap_or(data.len());
    let mut lines = data[..end].split(|b| *b == b'\n');
    let reply_text = data.get(end + 2..).unwrap_or_default();
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", lines.next().unwrap_or_default()),
        (b":path", lines.next().unwrap_or_default()),
    ];
    headers.extend(lines.filter_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    }));
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    within_a_workspace(&head);
    let Ok(config) = Config::parse(CONFIG) else {
        return;
    };
    let rules = Rules::new(config);
    let split = reply_text
        .iter()
        .position(|b| *b == b'\n')
        .unwrap_or(reply_text.len());
    let status = std::str::from_utf8(&reply_text[..split])
        .ok()
        .and_then(|s| s.parse().ok());
    let reply = Reply::Response {
        status: status.unwrap_or(500),
        from_service: true,
        retry_after: None,
        cache_control: None,
        body: reply_text.get(split + 1..).unwrap_or_default(),
    };
    let mut valid = false;
    let who = || {
        let who = decide::caller_of(&reply);
        valid = who.is_ok();
        who
    };
    let decision = decide::decide(&rules, &head, who, b"");
    match decide::answer(&rules, &decision, &head) {
        None => {
            assert!(decision.effect() == Effect::Allow);
            if decision.reason == Reason::Allowed {
                let principal = decision.principal.as_ref().expect("a principal");
                let policy = rules.policy(&decision.terms);
                let granted = match decision.operation {
                    Some(operation) => policy.missing(principal, operation).is_none(),
                    None => policy.grants(principal, decision.required.expect("a permission")),
                };
                assert!(valid && granted);
            }
        }
        Some(answer) if decision.reason == Reason::Whoami => {
            assert!(valid && answer.status == 200);
        }
        Some(answer) => {
            assert!(decision.effect() == Effect::Deny);
            assert!((400..=503).contains(&answer.status));
            if answer.body.starts_with("<!doctype html>") {
                // All markup is the filter's own: nothing of the request or the reply opens a tag or an attribute.
                let tags: Vec<&str> = answer.body.split('<').skip(1).collect();
                assert!(tags.iter().all(|tag| TAGS.iter().any(|known| tag.starts_with(known))));
            } else {
                assert!(answer.body.starts_with("{\"error_code\""));
            }
        }
    }
});
