//! When a body is read, and what happens where it cannot be.

use super::super::{Shell, denied, reason, seen, status, valid, with_key};
use super::{CONTRIBUTOR, CREATE, FOREIGN, MINE, begin, knowing, says, whole};
use crate::engine::Next;

const WIDE: &str = r#"{"scopes": ["model:write", "model:delete:acme-*", "model:write:acme-*"]}"#;

#[test]
fn only_a_limited_grant_reads_a_body() {
    for key in [
        WIDE,
        r#"{"scopes": [], "is_admin": true}"#,
        r#"{"scopes": ["model:read"]}"#,
    ] {
        let mut shell = knowing(r#", "body_limit": 1"#, key);
        let (_, next) = begin(&mut shell, "POST", CREATE, FOREIGN);
        assert!(next.decision().is_some(), "{key}: {next:?}");
    }
    // Neither do reads, files, uploads, searches and what has no name.
    let mut shell = knowing("", CONTRIBUTOR);
    for (method, path) in [
        ("GET", "/api/2.0/mlflow/registered-models/get?name=acme-a"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/7/f"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/7/f"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/7/f"),
        (
            "POST",
            "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=1&path=f",
        ),
        ("POST", "/api/2.0/mlflow/experiments/search"),
        ("POST", "/api/2.0/mlflow/traces"),
        ("POST", "/v1/traces"),
    ] {
        let (_, next) = begin(&mut shell, method, path, MINE);
        assert!(next.decision().is_some(), "{method} {path}: {next:?}");
    }
}

#[test]
fn where_bodies_are_not_read_the_name_cannot_decide() {
    for more in ["", r#", "bodies": "ignore""#] {
        let mut shell = Shell::new(more);
        shell.request(
            "GET",
            "/api/2.0/mlflow/registered-models/search",
            CONTRIBUTOR,
        );
        let (_, next) = begin(&mut shell, "POST", CREATE, MINE);
        assert_eq!(
            seen(&next),
            denied(403, "PERMISSION_DENIED", "body_unavailable")
        );
        // What the headers tell still does.
        let read = "/api/2.0/mlflow/registered-models/get?name=acme-a";
        assert_eq!(says(&mut shell, "GET", read, ""), "allowed");
        let file = "/api/2.0/mlflow-artifacts/artifacts/8/f";
        assert_eq!(says(&mut shell, "PUT", file, "f"), "name_not_granted");
    }
}

#[test]
fn a_body_over_the_limit_is_refused_by_its_length_or_its_bytes() {
    let large = |bytes: usize| format!("{MINE}{}", " ".repeat(bytes - MINE.len()));
    let too_large = denied(413, "BAD_REQUEST", "body_too_large");
    for (more, limit) in [("", 65_536), (r#", "body_limit": 100"#, 100)] {
        let mut shell = knowing(more, CONTRIBUTOR);
        let (_, next) = begin(&mut shell, "POST", CREATE, &large(limit + 1));
        assert_eq!(seen(&next), too_large);
        let (stream, next) = begin(&mut shell, "POST", CREATE, &large(limit));
        assert!(
            matches!(next, Next::ReadBody { limit: asked } if asked == limit),
            "{next:?}"
        );
        let next = shell.body(stream, large(limit).as_bytes()).unwrap();
        assert_eq!(reason(&next), "allowed");
        // Chunked: it does not say how long it is.
        let mut head = with_key("K1", CREATE).to_vec();
        head.extend([
            (&b"content-type"[..], &b"application/json"[..]),
            (b"transfer-encoding", b"chunked"),
        ]);
        let (stream, next) = shell.headers(&head);
        assert!(matches!(next, Next::ReadBody { .. }), "{next:?}");
        let next = shell.body(stream, large(limit + 1).as_bytes()).unwrap();
        assert_eq!(seen(&next), too_large);
        let (stream, _) = shell.headers(&head);
        assert_eq!(
            reason(&shell.body(stream, MINE.as_bytes()).unwrap()),
            "allowed"
        );
    }
}

#[test]
fn a_body_that_is_not_what_was_announced_is_refused() {
    let mut shell = knowing("", CONTRIBUTOR);
    for body in [
        "",
        "{",
        FOREIGN,
        r#"{"name": "acme-"}"#,
        r#"{"name": "acme-a"} "#,
    ] {
        let (stream, next) = begin(&mut shell, "POST", CREATE, MINE);
        assert!(matches!(next, Next::ReadBody { .. }));
        let next = shell.body(stream, body.as_bytes()).unwrap();
        assert_eq!(
            seen(&next),
            denied(400, "BAD_REQUEST", "body_ambiguous"),
            "{body}"
        );
    }
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
    let now = shell.now;
    assert!(shell.engine().tick_period(now).is_some());
    shell.later(4_999);
    shell.tick(0);
    assert_eq!(shell.outcome(stream), "ask");
    shell.later(1);
    shell.tick(0);
    let next = shell.decided.remove(&stream).unwrap();
    assert_eq!(
        seen(&next),
        denied(403, "PERMISSION_DENIED", "body_unavailable")
    );
    let now = shell.now;
    assert_eq!(shell.engine().tick_period(now), None);
    assert!(!shell.requests.contains_key(&stream));
}

/// The module cannot see how Envoy is set, so the operator is told what it looks like; not once a request.
#[test]
fn the_operator_is_told_of_bodies_that_do_not_come() {
    let mut shell = knowing("", CONTRIBUTOR);
    for _ in 0..5 {
        begin(&mut shell, "POST", CREATE, MINE);
    }
    shell.later(5_000);
    shell.tick(0);
    let [line] = shell.outbox.errors.as_slice() else {
        panic!("{:?}", shell.outbox.errors)
    };
    assert!(
        line.starts_with("body_unavailable: ") && line.contains("allow_on_headers_stop_iteration"),
        "{line}"
    );
    begin(&mut shell, "POST", CREATE, MINE);
    shell.later(5_000);
    shell.tick(0);
    let last = shell.outbox.errors.last().unwrap();
    assert!(last.ends_with("(4 more lines left out)"), "{last}");
    // A body that comes, or a caller that goes, is nothing to tell of.
    let mut shell = knowing("", CONTRIBUTOR);
    whole(&mut shell, "POST", CREATE, MINE);
    let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
    shell.gone(stream);
    shell.later(5_000);
    shell.tick(0);
    assert!(shell.outbox.errors.is_empty(), "{:?}", shell.outbox.errors);
}

/// A clock that jumps back would else keep everybody waiting until it has caught up.
#[test]
fn a_clock_that_jumps_back_gives_up_at_once() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
    shell.now -= std::time::Duration::from_secs(100);
    shell.tick(0);
    assert_eq!(shell.outcome(stream), "body_unavailable");
}

#[test]
fn a_stream_that_ends_while_its_body_is_read_is_forgotten() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
    let now = shell.now;
    assert!(shell.engine().tick_period(now).is_some());
    shell.gone(stream);
    assert_eq!(shell.engine().tick_period(now), None);
    shell.later(10_000);
    shell.tick(0);
    assert_eq!(shell.outcome(stream), "ask");
}

/// Whoever gives up an engine gives it no tick more.
#[test]
fn an_engine_that_is_given_up_waits_for_no_body() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
    let (other, _) = begin(&mut shell, "POST", CREATE, FOREIGN);
    let now = shell.now;
    shell.engine().abandon(now);
    shell.empty_outbox(0);
    for stream in [stream, other] {
        assert_eq!(shell.outcome(stream), "auth_unavailable");
    }
    assert_eq!(shell.engine().tick_period(now), None);
}

#[test]
fn a_body_is_read_once() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (stream, _) = begin(&mut shell, "POST", CREATE, FOREIGN);
    let held = shell.requests[&stream].clone();
    let next = shell.body(stream, FOREIGN.as_bytes()).unwrap();
    assert_eq!(reason(&next), "name_not_granted");
    shell.requests.insert(stream, held);
    assert!(shell.body(stream, MINE.as_bytes()).is_none());
}

#[test]
fn two_bodies_at_once_are_told_apart() {
    let mut shell = knowing("", CONTRIBUTOR);
    let (mine, _) = begin(&mut shell, "POST", CREATE, MINE);
    let (foreign, _) = begin(&mut shell, "POST", CREATE, FOREIGN);
    let next = shell.body(foreign, FOREIGN.as_bytes()).unwrap();
    assert_eq!(reason(&next), "name_not_granted");
    assert_eq!(
        reason(&shell.body(mine, MINE.as_bytes()).unwrap()),
        "allowed"
    );
}

#[test]
fn a_key_that_is_served_stale_is_as_limited_as_before() {
    for (body, expected) in [(MINE, "allowed"), (FOREIGN, "name_not_granted")] {
        let mut shell = knowing(r#", "cache": {"ttl": "60s"}"#, CONTRIBUTOR);
        shell.later(60_000);
        let (stream, next) = begin(&mut shell, "POST", CREATE, body);
        assert!(matches!(next, Next::Wait));
        shell.reply(&status(500, true));
        let next = shell.body(stream, body.as_bytes()).unwrap();
        assert_eq!(reason(&next), expected);
        assert!(next.decision().unwrap().stale);
    }
}

/// The grants travel with the principal in the data that workers share.
#[test]
fn a_neighbour_knows_the_limits_too() {
    let mut shell = Shell::with_workers(2, "", super::INSPECT);
    let head = |path| {
        [
            (&b":method"[..], &b"GET"[..]),
            (b":path", path),
            (b"x-api-key", b"K1"),
        ]
    };
    let search = head(b"/api/2.0/mlflow/registered-models/search");
    assert_eq!(
        reason(&shell.exchange(&search, &valid(CONTRIBUTOR))),
        "allowed"
    );
    for (path, expected) in [
        (&b"/api/2.0/mlflow-artifacts/artifacts/7/f"[..], "allowed"),
        (
            b"/api/2.0/mlflow-artifacts/artifacts/8/f",
            "name_not_granted",
        ),
        (
            b"/api/2.0/mlflow/registered-models/get?name=acme-a",
            "allowed",
        ),
        (
            b"/api/2.0/mlflow/registered-models/get?name=globex-b",
            "name_not_granted",
        ),
    ] {
        assert_eq!(reason(&shell.headers_at(1, &head(path)).1), expected);
    }
    assert_eq!(shell.asked, 1);
}

#[test]
fn no_bytes_lead_to_a_panic() {
    let mut shell = knowing("", CONTRIBUTOR);
    for body in [
        "\u{0}",
        "\u{feff}{}",
        "{\"name\":\"acme-\\ud800\"}",
        "[[[[",
        "\"",
        "null",
        "{\"\":{}}",
    ] {
        let next = whole(&mut shell, "POST", CREATE, body);
        assert_eq!(reason(&next), "body_ambiguous", "{body:?}");
    }
    for byte in 0..=u8::MAX {
        let (stream, _) = begin(&mut shell, "POST", CREATE, MINE);
        let mut body = MINE.as_bytes().to_vec();
        body[10] = byte;
        let next = shell.body(stream, &body).unwrap();
        let allowed = byte == b'a';
        assert_eq!(reason(&next) == "allowed", allowed, "{byte}");
    }
}

/// Who is woken to ask and cannot is woken again with those who wait, and may be reading by then.
#[test]
fn a_second_wake_does_not_end_the_reading() {
    let more = format!(r#"{}, "cache": {{"ttl": "60s"}}"#, super::INSPECT);
    let mut shell = Shell::with_workers(2, r#", "breaker": {"failures": 2}"#, &more);
    let get = |path| {
        [
            (&b":method"[..], &b"GET"[..]),
            (b":path", path),
            (b"x-api-key", b"K1"),
        ]
    };
    let read = get(b"/api/2.0/mlflow/registered-models/get?name=acme-a");
    shell.exchange(&read, &valid(CONTRIBUTOR));
    shell.headers_at(1, &read);
    for key in ["K2", "K3"] {
        shell.exchange(&with_key(key, CREATE), &valid(CONTRIBUTOR));
        shell.headers_at(1, &with_key(key, CREATE));
    }
    shell.later(60_000);
    // The one asks and is heard of no more; the other has no question left to ask.
    assert!(matches!(shell.headers(&read).1, Next::Wait));
    let mut head = with_key("K1", CREATE).to_vec();
    head.push((b"content-type", b"application/json"));
    let (stream, next) = shell.headers_at(1, &head);
    assert!(matches!(next, Next::Wait));
    for key in ["K2", "K3"] {
        shell.waiting(1, key, CREATE);
        let (worker, callout, _) = shell.open.pop().unwrap();
        shell.reply_to(worker, callout, &status(500, true));
    }
    shell.later(1_000);
    shell.tick(1);
    assert_eq!(shell.outcome(stream), "ask");
    let next = shell.body(stream, MINE.as_bytes()).unwrap();
    assert_eq!(reason(&next), "allowed");
}
