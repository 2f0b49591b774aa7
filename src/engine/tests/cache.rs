//! What is remembered of a key, and for how long.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, reason, status, valid};

fn with_key<'a>(key: &'a str, path: &'a str) -> [(&'a [u8], &'a [u8]); 3] {
    [
        (b":method", b"POST"),
        (b":path", path.as_bytes()),
        (b"x-api-key", key.as_bytes()),
    ]
}

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
    for (ahead, back, asked) in [
        (59_999, 0, 1),
        (60_000, 0, 2),
        (0, 1, 2),
        (0, 500_000_000, 2),
    ] {
        let mut shell = Shell::new(r#", "cache": {"ttl": "60s"}"#);
        shell.request("POST", SEARCH_RUNS, READER);
        shell.now = shell.now + Duration::from_millis(ahead) - Duration::from_millis(back);
        // Since then the key has lost its scopes.
        let next = shell.request("POST", SEARCH_RUNS, r#"{"scopes": []}"#);
        assert_eq!(shell.asked, asked, "+{ahead} -{back}");
        assert_eq!(
            reason(&next),
            if asked == 1 {
                "allowed"
            } else {
                "scope_missing"
            }
        );
    }
}

#[test]
fn the_clock_may_jump_back_during_a_callout() {
    let mut shell = Shell::new("");
    let headers = with_key("K1", SEARCH_RUNS);
    let (stream, _) = shell.headers(&headers);
    let head = crate::request::RequestHead {
        headers: &headers,
        client_address: None,
    };
    let next = shell
        .engine
        .on_auth_reply(stream, Duration::ZERO, &valid(READER), &head)
        .unwrap();
    assert_eq!(reason(&next), "allowed");
    shell.note_outbox();
    assert_eq!(shell.counted("mlflow_authz_callout_ms"), 0);
}

#[test]
fn a_full_cache_forgets_the_least_recently_used() {
    let mut shell = Shell::new(r#", "cache": {"capacity": 2}"#);
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

/// Two streams ask about one key; the later reply is the newer truth.
#[test]
fn a_refusal_evicts() {
    for refusal in [401, 403] {
        let mut shell = Shell::new("");
        let headers = with_key("K1", SEARCH_RUNS);
        let (stream, _) = shell.headers(&headers);
        assert_eq!(reason(&shell.exchange(&headers, &valid(READER))), "allowed");
        assert_eq!(shell.counted("mlflow_authz_cache_entries"), 1);
        let head = crate::request::RequestHead {
            headers: &headers,
            client_address: None,
        };
        shell
            .engine
            .on_auth_reply(stream, shell.now, &status(refusal, true), &head)
            .unwrap();
        shell.note_outbox();
        assert_eq!(shell.counted("mlflow_authz_cache_entries"), 0);
        assert_eq!(reason(&shell.headers(&headers).1), "ask", "{refusal}");
    }
}

#[test]
fn an_unavailable_service_does_not_evict() {
    let mut shell = Shell::new("");
    let headers = with_key("K1", SEARCH_RUNS);
    let (stream, _) = shell.headers(&headers);
    shell.exchange(&headers, &valid(READER));
    let head = crate::request::RequestHead {
        headers: &headers,
        client_address: None,
    };
    let next = shell
        .engine
        .on_auth_reply(stream, shell.now, &status(500, true), &head)
        .unwrap();
    assert_eq!(reason(&next), "auth_unavailable");
    assert_eq!(reason(&shell.headers(&headers).1), "allowed");
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
