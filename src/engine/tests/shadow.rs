//! Denials that are recorded and not answered.

use std::time::Duration;

use super::{
    CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, edits, reason, status, valid, with_key,
};
use crate::decision::Effect;
use crate::engine::Next;
use crate::upstream::HeaderEdit;

const SHADOW: &str = r#", "mode": "shadow""#;

fn effect(next: &Next) -> Effect {
    next.decision().expect("a decision").effect()
}

/// Let through, and recorded as what it would have been.
fn assert_shadowed(next: &Next, expected: &str) {
    assert!(matches!(next, Next::Forward(..)), "{expected}: {next:?}");
    assert_eq!(reason(next), expected);
    assert_eq!(effect(next), Effect::WouldDeny, "{expected}");
}

#[test]
fn nothing_is_refused_and_everything_is_recorded() {
    let mut shell = Shell::new(SHADOW);
    let traversal = shell.anonymous("GET", "/api/2.0/mlflow/../runs/get");
    assert_shadowed(&traversal, "target_ambiguous");
    for ambiguous in [("get", "/graphql"), ("GET", "/unknown;x")] {
        assert_shadowed(
            &shell.anonymous(ambiguous.0, ambiguous.1),
            "target_ambiguous",
        );
    }
    assert_shadowed(&shell.anonymous("POST", CREATE_RUN), "credential_missing");
    let malformed = shell.headers(&[
        (b":method", b"POST"),
        (b":path", CREATE_RUN.as_bytes()),
        (b"authorization", b"Digest x"),
    ]);
    assert_shadowed(&malformed.1, "credential_malformed");
    for (reply, expected) in [
        (valid(READER), "scope_missing"),
        (status(401, true), "key_invalid"),
        (status(403, true), "key_refused"),
        (status(429, true), "rate_limited"),
        (status(500, true), "auth_unavailable"),
    ] {
        let mut shell = Shell::new(SHADOW);
        let next = shell.exchange(&with_key("K1", CREATE_RUN), &reply);
        assert_shadowed(&next, expected);
        let counted = |name: &str| shell.counted(name);
        assert_eq!(
            counted(&format!(
                "mlflow_authz_shadow_denials.operation=.=CreateRun;.;reason=.={expected};.;permission=.=run:write;.;"
            )),
            1,
            "{expected}"
        );
        assert_eq!(
            counted(&format!(
                "mlflow_authz_denials.operation=.=CreateRun;.;reason=.={expected};.;permission=.=run:write;.;"
            )),
            0,
            "{expected}"
        );
    }
    // What is allowed is what it was.
    let next = shell.exchange(&with_key("K2", CREATE_RUN), &valid(WRITER));
    assert_eq!((reason(&next), effect(&next)), ("allowed", Effect::Allow));
}

#[test]
fn identity_headers_say_no_more_than_is_known() {
    let forged: [(&[u8], &[u8]); 4] = [
        (b":method", b"POST"),
        (b":path", CREATE_RUN.as_bytes()),
        (b"x-api-key", b"K1"),
        (b"X_MLFLOW_AUTHZ_USER", b"root"),
    ];
    let removal = HeaderEdit::Remove(b"X_MLFLOW_AUTHZ_USER");
    for (reply, user) in [(valid(READER), Some("u1")), (status(401, true), None)] {
        let mut shell = Shell::new(SHADOW);
        let next = shell.exchange(&forged, &reply);
        let edits = edits(&next);
        assert!(edits.contains(&removal));
        let set = edits.iter().find_map(|edit| match edit {
            HeaderEdit::Add("x-mlflow-authz-user", value) => Some(*value),
            _ => None,
        });
        assert_eq!(set, user);
    }
}

#[test]
fn the_share_of_callers_decides_by_key_id() {
    // key_1 is at 16.
    for (percent, expected) in [(16, Effect::WouldDeny), (17, Effect::Deny)] {
        let mut shell = Shell::new(&format!(r#", "enforce_percent": {percent}"#));
        let next = shell.exchange(&with_key("K1", CREATE_RUN), &valid(READER));
        assert_eq!((reason(&next), effect(&next)), ("scope_missing", expected));
        // Whose key is not known is the last percent.
        let next = shell.exchange(&with_key("K2", CREATE_RUN), &status(401, true));
        assert_shadowed(&next, "key_invalid");
    }
}

#[test]
fn deletes_first() {
    let mut shell = Shell::new(
        r#", "mode": "shadow", "overrides": [{"match": {"access": "delete"}, "mode": "enforce"}]"#,
    );
    let next = shell.exchange(&with_key("K1", CREATE_RUN), &valid(READER));
    assert_shadowed(&next, "scope_missing");
    let (_, next) = shell.headers(&with_key("K1", "/api/2.0/mlflow/runs/delete"));
    assert_eq!(
        (reason(&next), effect(&next)),
        ("scope_missing", Effect::Deny)
    );
}

#[test]
fn more_is_public_where_an_override_says_so() {
    let config = r#", "overrides": [
        {"match": {"operation": "GetModelVersion", "host": "open.example"}, "public": true},
        {"match": {"operation": "Health"}, "public": false}]"#;
    let get = |host: &str, path: &str| {
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", b"GET"),
            (b":path", path.as_bytes()),
            (b":authority", host.as_bytes()),
        ];
        reason(&Shell::new(config).headers(&headers).1)
    };
    let version = "/api/2.0/mlflow/model-versions/get";
    assert_eq!(get("open.example", version), "public");
    assert_eq!(get("closed.example", version), "credential_missing");
    assert_eq!(
        get("open.example", "/api/2.0/mlflow/runs/get"),
        "credential_missing"
    );
    assert_eq!(get("open.example", "/health"), "credential_missing");
    assert_eq!(get("open.example", "/version"), "public");
}

#[test]
fn a_slow_auth_service_delays_a_request_that_is_not_refused_by_little() {
    for (more, bound) in [
        (r#", "mode": "shadow""#, 100),
        (r#", "enforce_percent": 0"#, 100),
    ] {
        let mut shell = Shell::new(more);
        let first = shell.waiting(0, "K1", CREATE_RUN);
        let now = shell.now;
        let period = shell.engine().tick_period(now).unwrap();
        assert!(period <= Duration::from_millis(25), "{period:?}");
        shell.later(bound - 1);
        shell.tick(0);
        assert_eq!(shell.outcome(first), "ask");
        shell.later(1);
        shell.tick(0);
        assert_shadowed(&shell.decided[&first], "auth_unavailable");
        // One that comes later has a patience of its own, and the question is the same.
        let second = shell.waiting(0, "K1", CREATE_RUN);
        shell.tick(0);
        assert_eq!((shell.outcome(second), shell.asked), ("ask", 1));
        shell.reply(&valid(READER));
        assert_shadowed(&shell.decided[&second], "scope_missing");
        assert_eq!(shell.engine().waiting_streams(), 0);
        // The answer was not lost on the first.
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    }
}

#[test]
fn the_delay_is_configured_and_never_longer_than_a_callout() {
    for (service, at, expected) in [
        (r#", "shadow_timeout": "300ms""#, 299, "ask"),
        (r#", "shadow_timeout": "300ms""#, 300, "auth_unavailable"),
        (
            r#", "shadow_timeout": "9s", "timeout": "50ms""#,
            50,
            "auth_unavailable",
        ),
    ] {
        let mut shell = Shell::with_service(service, SHADOW);
        let stream = shell.waiting(0, "K1", CREATE_RUN);
        shell.later(at);
        shell.tick(0);
        assert_eq!(shell.outcome(stream), expected, "{service} {at}");
    }
}

#[test]
fn who_may_be_refused_waits_for_the_answer() {
    for more in [
        "",
        r#", "enforce_percent": 1"#,
        r#", "mode": "shadow", "overrides": [{"match": {"access": "write"}, "mode": "enforce"}]"#,
    ] {
        let mut shell = Shell::new(more);
        let stream = shell.waiting(0, "K1", CREATE_RUN);
        shell.later(1900);
        shell.tick(0);
        assert_eq!(shell.outcome(stream), "ask", "{more}");
    }
}

#[test]
fn rights_past_their_time_count_when_the_patience_ends() {
    let mut shell =
        Shell::new(r#", "mode": "shadow", "cache": {"ttl": "60s", "stale_if_error": "5m"}"#);
    shell.exchange(&with_key("K1", CREATE_RUN), &valid(WRITER));
    shell.later(60_000);
    let stream = shell.waiting(0, "K1", CREATE_RUN);
    shell.later(100);
    shell.tick(0);
    let next = &shell.decided[&stream];
    assert_eq!((reason(next), effect(next)), ("allowed", Effect::Allow));
    assert!(next.decision().unwrap().stale);
}

#[test]
fn a_clock_that_jumps_back_holds_nobody() {
    let mut shell = Shell::new(SHADOW);
    let stream = shell.waiting(0, "K1", CREATE_RUN);
    shell.now -= Duration::from_secs(3600);
    shell.tick(0);
    assert_shadowed(&shell.decided[&stream], "auth_unavailable");
}

#[test]
fn a_body_that_decides_is_waited_for_as_little() {
    const LIMITED: &str = r#"{"key_id": "key_1", "scopes": ["model:write:acme-*"]}"#;
    let mut shell = Shell::new(r#", "mode": "shadow", "bodies": "inspect""#);
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"POST"),
        (b":path", b"/api/2.0/mlflow/registered-models/create"),
        (b"x-api-key", b"K1"),
        (b"content-type", b"application/json"),
    ];
    let (stream, next) = shell.headers(&headers);
    assert!(matches!(next, Next::Wait), "{next:?}");
    shell.reply(&valid(LIMITED));
    assert_eq!(shell.outcome(stream), "ask");
    let now = shell.now;
    let period = shell.engine().tick_period(now).unwrap();
    assert!(period <= Duration::from_millis(25), "{period:?}");
    shell.later(100);
    shell.tick(0);
    assert_shadowed(&shell.decided[&stream], "body_unavailable");
}
