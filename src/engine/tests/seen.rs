//! What operators see of a request elsewhere: its trace at the auth service, its denial in the metrics.

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, reason, valid, with_key};
use crate::engine::Next;
use crate::request::RequestHead;

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
                .map(|(name, value)| (&**name, &**value))
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

/// A service that gives the key itself as the id of the key, say: neither the caller's answer, nor a record, nor upstream,
/// nor the operator's line has it.
#[test]
fn a_key_in_a_reply_goes_nowhere() {
    const KEY: &str = "hk_live_secret_4711";
    for body in [
        format!(r#"{{"key_id": "{KEY}", "scopes": ["model:read"]}}"#),
        format!(r#"{{"user_id": "{KEY}", "scopes": ["model:read"]}}"#),
        format!(r#"{{"user": {{"id": "{KEY}"}}, "scopes": ["model:read", "{KEY}"]}}"#),
        format!(r#"{{"roles": ["{KEY}"], "scopes": ["model:read"]}}"#),
        format!(
            r#"{{"scopes": ["model:read"], "grants": [{{"scope": "{KEY}", "names": ["a"]}}]}}"#
        ),
        format!(
            r#"{{"scopes": ["model:read"], "grants": [{{"scope": "model:write", "names": ["{KEY}"]}}]}}"#
        ),
    ] {
        let mut shell = Shell::new(r#", "audit": {"allows": true}"#);
        for (path, expected) in [(CREATE_RUN, "scope_missing"), (SEARCH_RUNS, "allowed")] {
            let headers = with_key(KEY, path);
            let head = RequestHead {
                headers: &headers,
                facts: None,
            };
            let next = shell.exchange(&headers, &valid(&body));
            assert_eq!(reason(&next), expected, "{body}");
            let (now, decision) = (shell.now, next.decision().unwrap().clone());
            let record = shell.engine().audit_record(now, &decision, &head, || None);
            let field = shell
                .engine()
                .access_log_field(&decision)
                .map(<[u8]>::to_vec);
            let field = String::from_utf8(field.unwrap_or_default()).unwrap();
            let said = format!("{next:?} {record:?} {field} {:?}", shell.outbox.errors);
            assert!(!said.contains(KEY), "{said}");
        }
        let [line] = shell.outbox.errors.as_slice() else {
            panic!("{body}: {:?}", shell.outbox.errors)
        };
        assert!(
            line.starts_with("auth_service: the reply about a valid key"),
            "{line}"
        );
    }
}
