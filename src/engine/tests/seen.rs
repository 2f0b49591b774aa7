//! What operators see of a request elsewhere: its trace at the auth service, its denial in the metrics.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, reason, valid, with_key};
use crate::engine::Next;

const LEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const FOLLOWER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn send(shell: &mut Shell, traceparent: &str) -> Next {
    let mut headers = with_key("K1", SEARCH_RUNS).to_vec();
    headers.push((b"traceparent", traceparent.as_bytes()));
    headers.push((b"x-request-id", b"id-1"));
    shell.headers(&headers).1
}

/// The trace headers of each callout that is open.
fn traces(shell: &Shell) -> Vec<Vec<(&str, &str)>> {
    shell
        .open
        .iter()
        .map(|(_, _, callout)| {
            let headers = callout.headers.iter();
            headers
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .filter(|(name, _)| name.starts_with("trace") || *name == "x-request-id")
                .collect()
        })
        .collect()
}

#[test]
fn a_callout_is_of_the_trace_of_the_request_that_caused_it() {
    let mut shell = Shell::new("");
    send(&mut shell, LEADER);
    send(&mut shell, FOLLOWER);
    let expected = [("traceparent", LEADER), ("x-request-id", "id-1")];
    assert_eq!(traces(&shell), [expected]);
}

#[test]
fn so_is_one_in_the_background() {
    let mut shell = Shell::new("");
    send(&mut shell, LEADER);
    shell.reply(&valid(READER));
    shell.later(50_000);
    assert_eq!(reason(&send(&mut shell, FOLLOWER)), "allowed");
    let expected = [("traceparent", FOLLOWER), ("x-request-id", "id-1")];
    assert_eq!(traces(&shell), [expected]);
}

#[test]
fn a_poll_for_revoked_keys_is_of_no_trace() {
    let mut shell = Shell::new(r#", "revocation": {"path": "/revoked"}"#);
    send(&mut shell, LEADER);
    shell.reply(&valid(READER));
    shell.tick(0);
    assert_eq!(traces(&shell), [[]; 1]);
}

#[test]
fn denials_are_counted_by_the_permission_that_was_needed() {
    let mut shell = Shell::new("");
    shell.request("POST", CREATE_RUN, READER);
    shell.request("POST", "/new", READER);
    shell.anonymous("GET", "/a;b");
    shell.anonymous("POST", SEARCH_RUNS);
    for labels in [
        "operation=.=CreateRun;.;reason=.=scope_missing;.;permission=.=run:write;.;",
        "operation=.=unknown;.;reason=.=operation_unknown;.;permission=.=*:admin;.;",
        "operation=.=unknown;.;reason=.=target_ambiguous;.;permission=.=none;.;",
        "operation=.=SearchRuns;.;reason=.=credential_missing;.;permission=.=run:read;.;",
    ] {
        assert_eq!(
            shell.counted(&format!("mlflow_authz_denials.{labels}")),
            1,
            "{labels}"
        );
    }
}
