//! Every source of identity can limit its callers to workspaces.

use super::{CREATE_RUN, HEADER, ON, Sent, header_edits};
use crate::config::{KeyHash, PeerName};
use crate::engine::Next;
use crate::engine::tests::{Shell, reason, valid};
use crate::token::GivenFacts;

const CLAIMS: &str = r#"{"sub": "alice", "exp": 2000000, "scope": "model:write acme/model:delete", "ws": ["acme", "beta"], "home": "acme"}"#;
const NAME: &str = "spiffe://a.example/trainer";

/// A caller by one source, who has `model:write` in `acme` and `beta`, and is pinned to `acme`.
fn shell(source: &str) -> Shell {
    let of = |fields: &str| Shell::of(1, &format!("{fields}{ON}"));
    match source {
        "keys" => of(&format!(
            r#""keys": [{{"sha256": "{}", "key_id": "ci", "scopes": ["model:write"], "workspaces": ["acme", "beta"],
                "workspace": "acme"}}]"#,
            KeyHash::of("K1")
        )),
        "jwt" => {
            let facts = GivenFacts::default().with_claims("payload", CLAIMS.as_bytes());
            let mut shell = of(r#""jwt": {"workspaces": "/ws", "workspace": "/home"}"#);
            shell.given = Some(facts.unwrap());
            shell
        }
        "mtls" => {
            let mut shell = of(&format!(
                r#""mtls": {{"by": "uri_san", "principals": {{"{NAME}": {{"scopes": ["model:write"],
                    "workspaces": ["acme", "beta"], "workspace": "acme"}}}}}}"#
            ));
            shell.given = Some(GivenFacts::default().with_certificate(PeerName::UriSan, NAME));
            shell
        }
        "introspection" => of(
            r#""auth_service": {"cluster": "auth", "protocol": "introspection", "path": "/introspect", "audience": null,
                "reply": {"workspaces": "/ws", "workspace": "/home"}}"#,
        ),
        _ => of(r#""auth_service": {"cluster": "auth"}"#),
    }
}

fn send(source: &str, sent: Sent<'_>) -> Next {
    let reply = match source {
        "introspection" => {
            r#"{"active": true, "sub": "alice", "scope": "model:write", "ws": ["acme", "beta"], "home": "acme"}"#
        }
        _ => r#"{"scopes": ["model:write"], "workspaces": ["acme", "beta"], "workspace": "acme"}"#,
    };
    let mut headers: Vec<(&[u8], &[u8])> =
        vec![(b":method", b"POST"), (b":path", CREATE_RUN.as_bytes())];
    if !matches!(source, "jwt" | "mtls") {
        headers.push((b"authorization", b"Bearer K1"));
    }
    let sent = sent.iter();
    headers.extend(sent.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    shell(source).exchange(&headers, &valid(reply))
}

#[test]
fn every_source_limits_and_pins_its_callers() {
    for source in ["keys", "jwt", "mtls", "introspection", "auth_service"] {
        for (sent, expected, upstream) in [
            (&[][..], "allowed", &["acme"][..]),
            (&[(HEADER, "")], "allowed", &["acme"]),
            (&[(HEADER, "acme")], "allowed", &[]),
            (&[(HEADER, "beta")], "allowed", &[]),
            (
                &[("x_mlflow_workspace", "beta")],
                "allowed",
                &["-x_mlflow_workspace", "beta"],
            ),
            (&[(HEADER, "default")], "workspace_not_granted", &[]),
            (&[(HEADER, "gamma")], "workspace_not_granted", &[]),
        ] {
            let next = send(source, sent);
            assert_eq!(reason(&next), expected, "{source} {sent:?}");
            if expected == "allowed" {
                assert_eq!(header_edits(&next), upstream, "{source} {sent:?}");
            }
        }
    }
}
