mod hostile;
mod sources;
mod words;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Denials};
use crate::catalog::{Access, CATALOG};
use crate::config::Config;
use crate::config::tests::least_and;
use crate::decision::{Decision, Reason};
use crate::permission::Permission;
use crate::policy::Policy;
use crate::principal::Principal;
use crate::request::RequestHead;
use crate::target::Ambiguity;

type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

fn config(more: &str) -> Config {
    let text = least_and(more);
    Config::parse(text.as_bytes()).unwrap()
}

fn answer(more: &str, decision: &Decision, headers: Headers<'_>) -> Answer {
    let config = config(more);
    let policy = Policy::new(&config);
    let head = RequestHead {
        headers,
        facts: None,
    };
    Denials {
        config: &config,
        policy: &policy,
    }
    .answer(decision, &head)
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn message(more: &str, decision: &Decision) -> String {
    let answer = answer(more, decision, &[]);
    body(&answer)["message"].as_str().unwrap().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer
        .headers
        .iter()
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| &**value)
        .collect()
}

fn principal(key_id: Option<&str>, scopes: &[&str]) -> Option<Arc<Principal>> {
    Some(Arc::new(Principal {
        key_id: key_id.map(str::to_owned),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Principal::default()
    }))
}

/// A caller without the permission to create a registered model.
fn missing_scope(key_id: Option<&str>, scopes: &[&str]) -> Decision {
    let operation = CATALOG
        .find("POST", "/api/2.0/mlflow/registered-models/create")
        .unwrap();
    Decision {
        operation: Some(operation),
        required: Some(Permission::new(operation.object, operation.access)),
        principal: principal(key_id, scopes),
        ..Decision::new(Reason::ScopeMissing)
    }
}

/// Status and error code of each reason.
#[test]
fn statuses_and_error_codes() {
    for (reason, word, status, error_code) in [
        (
            Reason::OutsideMounts,
            "outside_mounts",
            403,
            "PERMISSION_DENIED",
        ),
        (
            Reason::TargetAmbiguous,
            "target_ambiguous",
            400,
            "BAD_REQUEST",
        ),
        (
            Reason::CredentialAmbiguous,
            "credential_ambiguous",
            400,
            "BAD_REQUEST",
        ),
        (
            Reason::CredentialMissing,
            "credential_missing",
            401,
            "UNAUTHENTICATED",
        ),
        (
            Reason::CredentialMalformed,
            "credential_malformed",
            401,
            "UNAUTHENTICATED",
        ),
        (Reason::KeyInvalid, "key_invalid", 401, "UNAUTHENTICATED"),
        (
            Reason::ScopeMissing,
            "scope_missing",
            403,
            "PERMISSION_DENIED",
        ),
        (
            Reason::NameNotGranted,
            "name_not_granted",
            403,
            "PERMISSION_DENIED",
        ),
        (Reason::BodyAmbiguous, "body_ambiguous", 400, "BAD_REQUEST"),
        (
            Reason::BodyUnavailable,
            "body_unavailable",
            403,
            "PERMISSION_DENIED",
        ),
        (Reason::BodyTooLarge, "body_too_large", 413, "BAD_REQUEST"),
        (
            Reason::OperationUnknown,
            "operation_unknown",
            403,
            "PERMISSION_DENIED",
        ),
        (Reason::KeyRefused, "key_refused", 403, "PERMISSION_DENIED"),
        (
            Reason::RateLimited,
            "rate_limited",
            429,
            "REQUEST_LIMIT_EXCEEDED",
        ),
        (
            Reason::AuthUnavailable,
            "auth_unavailable",
            503,
            "TEMPORARILY_UNAVAILABLE",
        ),
        (
            Reason::Overloaded,
            "overloaded",
            503,
            "TEMPORARILY_UNAVAILABLE",
        ),
    ] {
        let answer = answer("", &Decision::new(reason), &[]);
        let body = body(&answer);
        assert_eq!(answer.status, status, "{word}");
        assert_eq!(
            (&body["error_code"], &body["reason"]),
            (&json!(error_code), &json!(word))
        );
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{body}"
        );
        assert_eq!(header(&answer, "content-type"), ["application/json"]);
        assert_eq!(header(&answer, "cache-control"), ["no-store"]);
        assert_eq!(
            header(&answer, "www-authenticate").is_empty(),
            status != 401,
            "{word}"
        );
    }
}

/// A whole body, field by field.
#[test]
fn the_body_of_a_403() {
    let decision = missing_scope(Some("key_123"), &["mlflow:access", "model:read"]);
    let more = r#", "help_url": "https://docs.example/keys", "scopes": {"write": []}"#;
    let answer = answer(more, &decision, &[(b"x-request-id", b"r-1")]);
    let expected = json!({
        "error_code": "PERMISSION_DENIED",
        "message": "API key key_123 may not create a registered model: it needs registered_model:write, which \
                    scope model:register or model:write grants; this key has: mlflow:access, model:read. See \
                    https://docs.example/keys",
        "reason": "scope_missing",
        "operation": "CreateRegisteredModel",
        "required_permission": "registered_model:write",
        "granting_scopes": ["model:register", "model:write", "mlflow:write", "admin", "full_access"],
        "key_scopes": ["mlflow:access", "model:read"],
        "request_id": "r-1",
    });
    assert_eq!((answer.status, body(&answer)), (403, expected));
}

#[test]
fn what_the_message_says_of_the_caller() {
    let many: Vec<String> = (0..25).map(|number| format!("s{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (decision, expected) in [
        (
            missing_scope(None, &[]),
            "This API key may not create a registered model: it needs",
        ),
        (missing_scope(None, &[]), "this key has: no scopes."),
        (missing_scope(Some("k"), &many), ", s18, s19, and 5 more."),
        (missing_scope(Some("k"), &many[..20]), ", s18, s19."),
        (
            missing_scope(Some("k\r\n\u{1b}[31m"), &["a\nb"]),
            "API key k\\r\\n\\u{1b}[31m may not",
        ),
        (
            missing_scope(Some("k"), &["a\nb\u{85}"]),
            "this key has: a\\nb\\u{85}.",
        ),
    ] {
        let text = message("", &decision);
        assert!(text.contains(expected), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn the_name_of_an_object_is_quoted_and_cannot_break_out() {
    for (name, expected) in [
        ("globex-b", "registered_model:write on \"globex-b\", which"),
        ("a\" b", "on \"a\\\" b\", which"),
        ("a\n\u{1b}[31m", "on \"a\\n\\u{1b}[31m\", which"),
    ] {
        let decision = Decision {
            reason: Reason::NameNotGranted,
            name: Some(name.into()),
            ..missing_scope(Some("k"), &["model:write:acme-*"])
        };
        let text = message("", &decision);
        assert!(text.contains(expected), "{text}");
        assert!(
            text.contains("; it may do so on names that match acme-*."),
            "{text}"
        );
    }
}

#[test]
fn what_the_message_says_of_granting_scopes() {
    let decision = missing_scope(Some("k"), &[]);
    let none = r#""model:register": [], "model:write": [], "mlflow:write": [], "write": [], "admin": [],
                  "full_access": []"#;
    let only = format!(r#", "scopes": {{{none}}}"#);
    assert!(message(&only, &decision).contains("which scope mlflow:admin grants; "));
    let nobody = format!(r#", "scopes": {{{none}, "mlflow:admin": []}}"#);
    assert!(message(&nobody, &decision).contains("which no configured scope grants; "));
}

#[test]
fn an_unknown_endpoint_says_so() {
    let decision = Decision {
        required: Some(Permission::on_everything(Access::Admin)),
        principal: principal(Some("k"), &["mlflow:write"]),
        ..Decision::new(Reason::OperationUnknown)
    };
    let body = body(&answer("", &decision, &[]));
    let text = body["message"].as_str().unwrap();
    assert!(
        text.contains(
            "call this endpoint, which MLflow 2.0 to 3.18 does not have: it needs *:admin,"
        )
    );
    assert_eq!(body["covers"], "2.0 to 3.18");
    assert_eq!(body["required_permission"], "*:admin");
    assert_eq!(
        body["granting_scopes"],
        json!(["admin", "full_access", "mlflow:admin"])
    );
    assert!(body.get("operation").is_none() && body.get("request_id").is_none());
}

/// What a key may do is told to its holder only: not before the key is known to be good.
#[test]
fn other_denials_tell_nothing_of_scopes() {
    for reason in [
        Reason::KeyRefused,
        Reason::KeyInvalid,
        Reason::RateLimited,
        Reason::AuthUnavailable,
        Reason::Overloaded,
        Reason::BodyAmbiguous,
        Reason::BodyUnavailable,
        Reason::BodyTooLarge,
    ] {
        let decision = Decision {
            reason,
            ..missing_scope(Some("k"), &["a"])
        };
        let body = body(&answer("", &decision, &[]));
        for field in ["required_permission", "granting_scopes", "key_scopes"] {
            assert!(body.get(field).is_none(), "{reason:?}: {body}");
        }
        assert_eq!(body["operation"], "CreateRegisteredModel");
    }
}

#[test]
fn ambiguous_targets_are_told_what_is_wrong() {
    let decision = Decision {
        ambiguity: Some(Ambiguity::DotSegment),
        ..Decision::new(Reason::TargetAmbiguous)
    };
    assert!(message("", &decision).contains("The request target holds a dot segment. "));
}

#[test]
fn challenges_name_the_configured_schemes() {
    let (bearer, basic) = ("Bearer realm=\"mlflow\"", "Basic realm=\"mlflow\"");
    for (more, expected, hint) in [
        ("", &[bearer, basic][..], "MLFLOW_TRACKING_TOKEN"),
        (
            r#", "credentials": ["bearer"]"#,
            &[bearer],
            "MLFLOW_TRACKING_TOKEN",
        ),
        (
            r#", "credentials": ["basic"]"#,
            &[bearer, basic],
            "MLFLOW_TRACKING_PASSWORD",
        ),
        (r#", "credentials": ["x-api-key"]"#, &[bearer], "X-API-Key"),
        (r#", "credentials": ["query"]"#, &[bearer], "api_key"),
    ] {
        let decision = Decision::new(Reason::CredentialMissing);
        let answer = answer(more, &decision, &[]);
        assert_eq!(header(&answer, "www-authenticate"), expected, "{more}");
        assert!(answer.body.contains(hint), "{more}: {}", answer.body);
    }
}

#[test]
fn retry_after_is_there_when_decided() {
    let decision = Decision {
        retry_after: Some(15),
        ..Decision::new(Reason::AuthUnavailable)
    };
    assert_eq!(header(&answer("", &decision, &[]), "retry-after"), ["15"]);
    let without = Decision::new(Reason::KeyInvalid);
    assert!(header(&answer("", &without, &[]), "retry-after").is_empty());
}

#[test]
fn a_page_elsewhere_may_read_the_denial_but_not_with_a_login() {
    let decision = Decision::new(Reason::CredentialMissing);
    let headers: Headers<'_> = &[(b"origin", b"https://ui.example")];
    let with_origin = answer("", &decision, headers);
    assert_eq!(
        header(&with_origin, "access-control-allow-origin"),
        ["https://ui.example"]
    );
    assert_eq!(
        header(&with_origin, "access-control-expose-headers"),
        ["retry-after, www-authenticate"]
    );
    assert_eq!(
        header(&with_origin, "vary"),
        ["Origin, Accept, Sec-Fetch-Mode"]
    );
    assert!(header(&with_origin, "access-control-allow-credentials").is_empty());
    for origin in [&b"https://a\r\nx: y"[..], b"\xff\xfe", b"https://a b"] {
        let answer = answer("", &decision, &[(b"origin", origin)]);
        assert!(
            header(&answer, "access-control-allow-origin").is_empty(),
            "{}",
            origin.escape_ascii()
        );
    }
    let without = answer("", &decision, &[]);
    assert!(header(&without, "access-control-allow-origin").is_empty());
}

#[test]
fn text_of_the_request_stays_inside_the_json() {
    let decision = Decision::new(Reason::CredentialMissing);
    let id = b"a\",\"reason\":\"allowed\",\"x\":\"\n";
    let answered = answer("", &decision, &[(b"x-request-id", id)]);
    assert_eq!(body(&answered)["reason"], "credential_missing");
    assert!(!answered.body.contains('\n'));
    let not_text = answer("", &decision, &[(b"x-request-id", b"\xff\xfe")]);
    assert!(body(&not_text).get("request_id").is_none());
}
