//! What is remembered of a key, and for how long.

use std::time::Duration;

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, reason, status, valid, with_key};

#[test]
fn one_cached_principal_answers_reads_and_writes_differently() {
    let mut shell = Shell::new("");
    for (path, expected) in [
        (SEARCH_RUNS, "allowed"),
        (CREATE_RUN, "scope_missing"),
        (SEARCH_RUNS, "allowed"),
        ("/new", "operation_unknown"),
    ] {
        assert_eq!(
            reason(&shell.request("POST", path, READER)),
            expected,
            "{path}"
        );
    }
    assert_eq!(shell.asked, 1);
    // The denial of a write is cached no more than its grant: another key is another principal.
    assert_eq!(
        reason(&shell.exchange(&with_key("K2", CREATE_RUN), &valid(WRITER))),
        "allowed"
    );
    assert_eq!(
        reason(&shell.request("POST", CREATE_RUN, WRITER)),
        "scope_missing"
    );
    assert_eq!(shell.asked, 2);
}

#[test]
fn one_key_is_one_principal_wherever_it_stands() {
    let mut shell = Shell::new(r#", "credentials": ["bearer", "x-api-key", "basic", "query"]"#);
    assert_eq!(
        reason(&shell.request("POST", SEARCH_RUNS, READER)),
        "allowed"
    );
    assert_eq!(
        reason(&shell.exchange(&with_key("K1", SEARCH_RUNS), &status(401, true))),
        "allowed"
    );
    let path = format!("{SEARCH_RUNS}?api_key=K1");
    assert_eq!(reason(&shell.anonymous("POST", &path)), "allowed");
    assert_eq!(shell.asked, 1);
    let headers = with_key("k1", SEARCH_RUNS);
    assert_eq!(
        reason(&shell.exchange(&headers, &status(401, true))),
        "key_invalid"
    );
    assert_eq!(shell.asked, 2);
}

#[test]
fn entries_end_with_their_ttl_or_a_clock_that_jumps_back() {
    for (ahead, back, expected) in [
        (43_000, 0, "allowed"),
        (60_000, 0, "scope_missing"),
        (0, 1, "scope_missing"),
        (0, 500_000_000, "scope_missing"),
    ] {
        let mut shell = Shell::new(r#", "cache": {"ttl": "60s"}"#);
        shell.request("POST", SEARCH_RUNS, READER);
        shell.now = shell.now + Duration::from_millis(ahead) - Duration::from_millis(back);
        // Since then the key has lost its scopes.
        let next = shell.request("POST", SEARCH_RUNS, r#"{"scopes": []}"#);
        assert_eq!(reason(&next), expected, "+{ahead} -{back}");
        assert_eq!(shell.asked, if expected == "allowed" { 1 } else { 2 });
    }
}

#[test]
fn the_clock_may_jump_back_during_a_callout() {
    let mut shell = Shell::new("");
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.now = Duration::ZERO;
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(stream), "allowed");
    assert_eq!(shell.counted("mlflow_authz_callout_ms"), 0);
}

#[test]
fn a_full_cache_forgets_the_least_recently_used() {
    let mut shell = Shell::new(r#", "cache": {"capacity": 2, "shared_slots": 0}"#);
    for key in ["K1", "K2", "K1", "K3"] {
        shell.exchange(&with_key(key, SEARCH_RUNS), &valid(READER));
    }
    assert_eq!(shell.asked, 3);
    assert_eq!(shell.counted("mlflow_authz_cache_entries"), 2);
    for (key, asked) in [("K1", 3), ("K3", 3), ("K2", 4)] {
        shell.exchange(&with_key(key, SEARCH_RUNS), &valid(READER));
        assert_eq!(shell.asked, asked, "{key}");
    }
}

/// The key is asked about in the background while its principal is served; the reply is the newer truth.
#[test]
fn a_refusal_evicts_at_once() {
    for (refusal, expected) in [(401, "key_invalid"), (403, "key_refused")] {
        let mut shell = Shell::new(r#", "cache": {"ttl": "60s"}"#);
        shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
        shell.later(50_000);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
        assert_eq!(shell.counted("mlflow_authz_cache_entries"), 1);
        shell.reply(&status(refusal, true));
        assert_eq!(shell.counted("mlflow_authz_cache_entries"), 0);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), expected);
    }
}

#[test]
fn a_refusal_is_remembered_for_its_own_short_time() {
    for (cache, after, expected) in [
        ("", 4_999, "key_invalid"),
        ("", 5_000, "ask"),
        (r#""negative_ttl": "1s""#, 1_000, "ask"),
        (r#""negative_ttl": "0s""#, 0, "ask"),
    ] {
        let mut shell = Shell::new(&format!(r#", "cache": {{{cache}}}"#));
        let headers = with_key("K1", SEARCH_RUNS);
        assert_eq!(
            reason(&shell.exchange(&headers, &status(401, true))),
            "key_invalid"
        );
        shell.later(after);
        assert_eq!(
            shell.post(0, "K1", SEARCH_RUNS),
            expected,
            "{cache} {after}"
        );
    }
}

#[test]
fn a_limited_rate_is_remembered_of_no_key_and_a_failure_for_a_second() {
    for code in [429, 500, 503, 504, 404] {
        let mut shell = Shell::new("");
        shell.exchange(&with_key("K1", SEARCH_RUNS), &status(code, true));
        if code != 429 {
            shell.later(999);
            let held_back = shell.post(0, "K1", SEARCH_RUNS);
            assert_eq!(held_back, "auth_unavailable", "{code}");
            shell.later(1);
        }
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask", "{code}");
    }
}

#[test]
fn a_flood_of_invented_keys_evicts_no_good_one() {
    let mut shell = Shell::new(r#", "cache": {"capacity": 4, "shared_slots": 2}"#);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    for number in 0..1000 {
        let key = format!("invented {number}").replace(' ', "-");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &status(401, true));
    }
    let asked = shell.asked;
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked);
}

#[test]
fn a_key_that_has_expired_is_not_served_whatever_the_service_says() {
    for (expires_at, expected) in [
        (1_000_001, "allowed"),
        (1_000_000, "key_invalid"),
        (0, "key_invalid"),
    ] {
        let body = format!(r#"{{"scopes": ["model:read"], "expires_at": {expires_at}}}"#);
        let mut shell = Shell::new("");
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(&body));
        assert_eq!(reason(&next), expected, "{expires_at}");
    }
}

#[test]
fn a_key_is_served_only_within_its_times_by_any_name() {
    for (limits, now, expected) in [
        (r#""exp": 1577836800"#, 2_000_000_000, "key_invalid"),
        (
            r#""exp": 1577836800, "active": true"#,
            2_000_000_000,
            "key_invalid",
        ),
        (
            r#""expiresAt": "2020-01-01T00:00:00Z""#,
            2_000_000_000,
            "key_invalid",
        ),
        (
            r#""data": {"not_after": 1000000}"#,
            1_000_000,
            "key_invalid",
        ),
        (r#""not_after": 1000001"#, 1_000_000, "allowed"),
        (r#""expires_in": 0"#, 1_000_000, "key_invalid"),
        (r#""expires_in": 1"#, 1_000_000, "allowed"),
        (r#""nbf": 4070908800"#, 1_000_000, "key_invalid"),
        (r#""nbf": 1000011"#, 1_000_000, "key_invalid"),
        (r#""nbf": 1000010"#, 1_000_000, "allowed"),
        (r#""exp": "soon""#, 1_000_000, "auth_unavailable"),
        (r#""status": "odd""#, 1_000_000, "auth_unavailable"),
        (r#""error": "invalid_token""#, 1_000_000, "key_invalid"),
    ] {
        let body = format!(r#"{{"scopes": ["model:read"], {limits}}}"#);
        let mut shell = Shell::new("");
        shell.later((now - 1_000_000) * 1_000);
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(&body));
        assert_eq!(reason(&next), expected, "{limits}");
    }
}

#[test]
fn the_service_may_shorten_an_answers_life() {
    const EXPIRES: &str = r#"{"scopes": ["model:read"], "expires_at": 1000010}"#;
    const EXP: &str = r#"{"scopes": ["model:read"], "exp": 1000010}"#;
    const EXPIRES_IN: &str = r#"{"scopes": ["model:read"], "expires_in": 10}"#;
    let reply = |cache_control: Option<&'static [u8]>, body: &'static str| {
        crate::auth_service::Reply::Response {
            status: 200,
            from_service: true,
            retry_after: None,
            cache_control,
            body: body.as_bytes(),
        }
    };
    for (reply, after, expected) in [
        (reply(Some(b"max-age=10"), READER), 9_999, "allowed"),
        (reply(Some(b"max-age=10"), READER), 10_000, "ask"),
        (reply(Some(b"no-store"), READER), 0, "ask"),
        (reply(Some(b"max-age=3600"), READER), 60_000, "ask"),
        (reply(None, EXPIRES), 9_999, "allowed"),
        (reply(None, EXPIRES), 10_000, "ask"),
        (reply(Some(b"max-age=5"), EXPIRES), 5_000, "ask"),
        (reply(None, EXP), 9_999, "allowed"),
        (reply(None, EXP), 10_000, "ask"),
        (reply(None, EXPIRES_IN), 9_999, "allowed"),
        (reply(None, EXPIRES_IN), 10_000, "ask"),
    ] {
        let mut shell = Shell::new("");
        let first = shell.exchange(&with_key("K1", SEARCH_RUNS), &reply);
        assert_eq!(reason(&first), "allowed");
        shell.later(after);
        assert_eq!(
            shell.post(0, "K1", SEARCH_RUNS),
            expected,
            "{reply:?} {after}"
        );
    }
}

#[test]
fn addresses_are_told_apart_when_they_are_sent() {
    for (sent, asked) in [(false, 1), (true, 3)] {
        let mut shell = Shell::with_service(&format!(r#", "send_client_ip": {sent}"#), "");
        for client in [Some("10.0.0.1"), Some("10.0.0.2"), None, Some("10.0.0.1")] {
            shell.client = client;
            shell.request("POST", SEARCH_RUNS, READER);
        }
        assert_eq!(shell.asked, asked, "sent: {sent}");
    }
}
