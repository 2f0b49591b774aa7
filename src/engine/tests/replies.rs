//! What the auth service's replies lead to.

use super::{
    CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, answer, denied, reason, seen, status, valid,
};
use crate::auth_service::Reply;
use crate::config::Config;
use crate::engine::{CalloutId, Engine, Next};
use crate::metrics::{Change, Metric};

const POST: &[(&[u8], &[u8])] = &[
    (b":method", b"POST"),
    (b":path", CREATE_RUN.as_bytes()),
    (b"authorization", b"Bearer K1"),
];

fn retry_after(next: &Next) -> Option<&str> {
    let mut headers = answer(next).headers.iter();
    headers
        .find(|(name, _)| *name == "retry-after")
        .map(|(_, value)| &**value)
}

#[test]
fn a_valid_key_is_allowed_what_its_scopes_grant() {
    for (path, body, expected) in [
        (SEARCH_RUNS, READER, "allowed"),
        (CREATE_RUN, READER, "scope_missing"),
        (SEARCH_RUNS, WRITER, "allowed"),
        (CREATE_RUN, WRITER, "allowed"),
        ("/api/2.0/mlflow/runs/delete", WRITER, "scope_missing"),
        (
            "/api/2.0/mlflow/registered-models/create",
            WRITER,
            "scope_missing",
        ),
        (SEARCH_RUNS, r#"{"scopes": []}"#, "scope_missing"),
        (
            SEARCH_RUNS,
            r#"{"scopes": ["nobody knows"]}"#,
            "scope_missing",
        ),
        (SEARCH_RUNS, r#"{"scopes": ["read", "read"]}"#, "allowed"),
        (CREATE_RUN, r#"{"scopes": [], "is_admin": true}"#, "allowed"),
        (
            CREATE_RUN,
            r#"{"scopes": [], "user": {"is_admin": true}}"#,
            "allowed",
        ),
        (
            CREATE_RUN,
            r#"{"scopes": [], "roles": ["boss"]}"#,
            "allowed",
        ),
        (
            CREATE_RUN,
            r#"{"scopes": [], "user": {"roles": ["boss"]}}"#,
            "allowed",
        ),
        (CREATE_RUN, r#"{"scopes": ["boss"]}"#, "scope_missing"),
        (CREATE_RUN, r#"{"is_admin": true}"#, "allowed"),
        (
            CREATE_RUN,
            r#"{"scopes": null, "is_admin": true}"#,
            "allowed",
        ),
        (SEARCH_RUNS, r#"{"roles": ["boss"]}"#, "allowed"),
        (SEARCH_RUNS, r#"{"scopes": null}"#, "scope_missing"),
        (SEARCH_RUNS, "{}", "scope_missing"),
    ] {
        let mut shell = Shell::new(r#", "roles": {"boss": ["*:*"]}"#);
        assert_eq!(
            reason(&shell.request("POST", path, body)),
            expected,
            "{path} {body}"
        );
    }
    let mut shell = Shell::new("");
    let expected = denied(403, "PERMISSION_DENIED", "scope_missing");
    assert_eq!(seen(&shell.request("POST", CREATE_RUN, READER)), expected);
}

#[test]
fn other_replies() {
    let limited = |value| Reply::Response {
        status: 429,
        from_service: true,
        retry_after: value,
        cache_control: None,
        body: b"",
    };
    let (limit, down) = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE");
    for (reply, expected, wait, misconfigured) in [
        (
            status(401, true),
            denied(401, "UNAUTHENTICATED", "key_invalid"),
            None,
            0,
        ),
        (
            status(403, true),
            denied(403, "PERMISSION_DENIED", "key_refused"),
            None,
            0,
        ),
        (
            limited(Some(b"7")),
            denied(429, limit, "rate_limited"),
            Some("7"),
            0,
        ),
        (
            limited(Some(b"3600")),
            denied(429, limit, "rate_limited"),
            Some("60"),
            0,
        ),
        (
            limited(None),
            denied(429, limit, "rate_limited"),
            Some("20"),
            0,
        ),
        (
            limited(Some(b"soon")),
            denied(429, limit, "rate_limited"),
            Some("20"),
            0,
        ),
        (
            status(500, true),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            0,
        ),
        (
            status(503, true),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            0,
        ),
        (
            status(503, false),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            0,
        ),
        (
            status(504, false),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            0,
        ),
        (
            status(404, true),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            1,
        ),
        (
            status(200, true),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            1,
        ),
        (
            valid(r#"{"scopes": "model:read"}"#),
            denied(503, down, "auth_unavailable"),
            Some("20"),
            1,
        ),
        (
            Reply::Reset,
            denied(503, down, "auth_unavailable"),
            Some("20"),
            0,
        ),
        (
            Reply::NotSent,
            denied(503, down, "auth_unavailable"),
            Some("20"),
            1,
        ),
    ] {
        let mut shell = Shell::with_service(
            r#", "unavailable_retry_after": "19500ms""#,
            r#", "cache": {"negative_ttl": "0s"}"#,
        );
        let next = shell.exchange(POST, &reply);
        assert_eq!(seen(&next), expected, "{reply:?}");
        assert_eq!(retry_after(&next), wait, "{reply:?}");
        let counted = shell.counted("mlflow_authz_auth_service_misconfigured");
        assert_eq!(counted, misconfigured, "{reply:?}");
        // Nothing of it is kept but that it failed, for a second: the next good reply decides.
        shell.later(1_000);
        assert_eq!(
            reason(&shell.exchange(POST, &valid(WRITER))),
            "allowed",
            "{reply:?}"
        );
        assert_eq!((shell.asked, shell.engine().waiting_streams()), (2, 0));
    }
}

#[test]
fn the_operator_reads_which_field_and_never_a_value() {
    for (reply, says) in [
        (
            valid(r#"{"scopes": ["a", {"hk_live_secret": 1}]}"#),
            "field scopes[1]: expected a string",
        ),
        (
            valid(r#"{"scopes": [], "is_admin": "hk_live_secret"}"#),
            "field is_admin: expected a boolean",
        ),
        (status(200, true), "is not JSON"),
        (status(404, true), "answered 404"),
        (status(500, true), "answered 500"),
        (status(504, false), "timed out"),
        (Reply::Reset, "without a response"),
        (Reply::NotSent, "auth_service.cluster"),
    ] {
        let mut shell = Shell::new("");
        let next = shell.exchange(POST, &reply);
        let [line] = shell.outbox.errors.as_slice() else {
            panic!("{:?}", shell.outbox.errors)
        };
        assert!(
            line.starts_with("auth_unavailable: ") && line.contains(says),
            "{line}"
        );
        assert!(!format!("{line}{next:?}").contains("secret"), "{line}");
    }
    for reply in [status(401, true), status(403, true), valid(READER)] {
        let mut shell = Shell::new("");
        shell.exchange(POST, &reply);
        assert!(shell.outbox.errors.is_empty(), "{:?}", shell.outbox.errors);
    }
}

#[test]
fn operator_lines_are_limited_and_counted() {
    let mut shell = Shell::with_service(r#", "breaker": {"failures": 100}"#, "");
    for number in 0..5 {
        let key = format!("K{number}");
        shell.exchange(&super::with_key(&key, super::CREATE_RUN), &Reply::NotSent);
    }
    assert_eq!(shell.outbox.errors.len(), 1);
    shell.now += std::time::Duration::from_secs(1);
    shell.exchange(POST, &Reply::Reset);
    assert_eq!(shell.outbox.errors.len(), 2);
    assert!(
        shell.outbox.errors[1].ends_with("(4 more lines left out)"),
        "{:?}",
        shell.outbox.errors
    );
    assert_eq!(shell.counted("mlflow_authz_auth_service_misconfigured"), 5);
}

#[test]
fn replies_for_nobody_are_ignored() {
    let mut shell = Shell::new("");
    shell.reply_to(0, CalloutId(99), &valid(WRITER));
    let (stream, next) = shell.headers(POST);
    assert_eq!(
        (reason(&next), shell.engine().waiting_streams()),
        ("ask", 1)
    );
    let (_, callout, _) = shell.open.remove(0);
    shell.reply_to(0, callout, &valid(WRITER));
    // A second reply to one callout is nobody's either.
    shell.reply_to(0, callout, &status(401, true));
    assert_eq!(shell.outcome(stream), "allowed");
    assert_eq!(shell.engine().waiting_streams(), 0);
    assert_eq!(reason(&shell.headers(POST).1), "allowed");
}

#[test]
fn two_keys_get_each_its_own_reply() {
    let mut shell = Shell::new("");
    let other: &[(&[u8], &[u8])] = &[
        (b":method", b"POST"),
        (b":path", SEARCH_RUNS.as_bytes()),
        (b"x-api-key", b"K2"),
    ];
    let (first, _) = shell.headers(POST);
    let (second, _) = shell.headers(other);
    let asked: Vec<_> = std::mem::take(&mut shell.open);
    shell.reply_to(0, asked[1].1, &valid(READER));
    shell.reply_to(0, asked[0].1, &valid(WRITER));
    let first = shell.decided.remove(&first).unwrap();
    let second = shell.decided.remove(&second).unwrap();
    let key = |next: &Next| {
        next.decision()
            .unwrap()
            .principal
            .as_ref()
            .unwrap()
            .key_id
            .clone()
            .unwrap()
    };
    assert_eq!(
        (reason(&first), key(&first)),
        ("allowed", "key_2".to_owned())
    );
    assert_eq!(
        (reason(&second), key(&second)),
        ("allowed", "key_1".to_owned())
    );
}

#[test]
fn a_configuration_that_the_host_drops_unused_is_in_no_gauge() {
    let text = br#"{"mounts": ["/"], "auth_service": {"cluster": "auth"}}"#;
    let mut engine = Engine::new(Config::parse(text).unwrap(), text);
    assert!(engine.take_outbox().metrics.is_empty());
    let announced = |engine: &mut Engine| {
        let noted = engine.take_outbox().metrics;
        let info = noted
            .iter()
            .filter(|(metric, _)| matches!(metric, Metric::ConfigInfo(_)));
        info.map(|(_, change)| *change).collect::<Vec<_>>()
    };
    engine.retire();
    assert_eq!(announced(&mut engine), []);
    engine.enter_force();
    engine.enter_force();
    assert_eq!(announced(&mut engine), [Change::Add(1)]);
    engine.retire();
    engine.retire();
    assert_eq!(announced(&mut engine), [Change::Add(-1)]);
}

#[test]
fn what_is_counted() {
    let mut shell = Shell::new("");
    let started = "mlflow_authz_build_info.version=.=".to_owned()
        + env!("CARGO_PKG_VERSION")
        + ";.;covers=.=2.0 to 3.18;.;";
    shell.exchange(POST, &valid(READER));
    shell.exchange(POST, &valid(READER));
    shell.anonymous("GET", "/health");
    shell.anonymous("POST", "/new");
    for (name, count) in [
        (started.as_str(), 1),
        ("mlflow_authz_enforcing.access=.=write;.;", 100),
        ("mlflow_authz_cache_lookups.result=.=miss;.;", 1),
        ("mlflow_authz_cache_lookups.result=.=hit;.;", 1),
        ("mlflow_authz_callouts.outcome=.=valid;.;", 1),
        ("mlflow_authz_cache_entries", 1),
        (
            "mlflow_authz_denials.operation=.=CreateRun;.;reason=.=scope_missing;.;permission=.=run:write;.;",
            2,
        ),
        (
            "mlflow_authz_denials.operation=.=unknown;.;reason=.=credential_missing;.;permission=.=*:admin;.;",
            1,
        ),
        (
            "mlflow_authz_decisions.decision=.=deny;.;reason=.=scope_missing;.;object=.=run;.;access=.=write;.;",
            2,
        ),
        (
            "mlflow_authz_decisions.decision=.=allow;.;reason=.=public;.;object=.=server;.;access=.=read;.;",
            1,
        ),
    ] {
        assert_eq!(shell.counted(name), count, "{name}");
    }
    shell.engine().retire();
    shell.empty_outbox(0);
    assert_eq!(shell.counted(&started), 0);
    assert_eq!(shell.counted("mlflow_authz_cache_entries"), 0);
}

/// The names of fields are told to the operator, and a key among them never.
#[test]
fn fields_that_came_are_named_without_the_key() {
    for service in [
        r#", "send_client_ip": false"#,
        r#", "send_client_ip": true"#,
    ] {
        let mut shell = Shell::with_service(service, "");
        shell.client = Some("10.0.0.1");
        let body = r#"{"K1": 1, "not_K1_at_all": 2, "detail": "K1", "uid": "SECRET"}"#;
        let next = shell.exchange(&super::with_key("K1", SEARCH_RUNS), &valid(body));
        assert_eq!(reason(&next), "scope_missing");
        let lines = shell.outbox.errors.join("\n");
        assert!(
            lines.contains("the reply has: detail, uid and 2 more"),
            "{lines}"
        );
        assert!(
            !lines.contains("K1") && !lines.contains("SECRET"),
            "{lines}"
        );
    }
}
