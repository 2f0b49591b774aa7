//! What a refused caller and the audit log are told of the names.

use serde_json::Value;

use super::super::{answer, reason};
use super::{ALIAS, CONTRIBUTOR, CREATE, CREATE_VERSION, FOREIGN, MINE, begin, knowing, whole};
use crate::engine::Next;
use crate::request::RequestHead;

fn body(next: &Next) -> Value {
    serde_json::from_str(&answer(next).body).unwrap()
}

fn message(next: &Next) -> String {
    body(next)["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_refusal_names_the_object_and_the_patterns() {
    let mut shell = knowing("", CONTRIBUTOR);
    let next = whole(&mut shell, "POST", CREATE, FOREIGN);
    assert_eq!(
        message(&next),
        "API key key_1 may not create a registered model: it needs registered_model:write on \"globex-b\", \
         which scope model:register or model:write grants; this key has: model:write:acme-*, \
         model:delete:acme-*; it may do so on names that match acme-*, 7."
    );
    let body = body(&next);
    assert_eq!(answer(&next).status, 403);
    assert_eq!(body["required_permission"], "registered_model:write");
    assert_eq!(body["operation"], "CreateRegisteredModel");
}

#[test]
fn a_refusal_names_the_second_object_and_what_it_needs() {
    let mut shell = knowing("", CONTRIBUTOR);
    let copy = r#"{"name": "acme-a", "source": "models:/globex-b/1"}"#;
    let text = message(&whole(&mut shell, "POST", CREATE_VERSION, copy));
    assert!(
        text.contains("it needs model_version:read on \"globex-b\""),
        "{text}"
    );
    let alias = r#"{"name": "globex-b", "alias": "champion", "version": "1"}"#;
    let text = message(&whole(&mut shell, "POST", ALIAS, alias));
    assert!(
        text.contains("registered_model:promote on \"globex-b@champion\""),
        "{text}"
    );
    let wide = r#"{"name": "acme-a", "source": "s3://b/x"}"#;
    let text = message(&whole(&mut shell, "POST", CREATE_VERSION, wide));
    assert!(
        text.contains(
            "it needs artifact:read (unrestricted, because its source has no name that a pattern could match), which scope"
        ) && !text.contains("; it may do so"),
        "{text}"
    );
}

#[test]
fn many_patterns_are_cut_and_control_characters_are_not_repeated() {
    let names: Vec<String> = (0..30).map(|number| format!("a{number}\\u001b")).collect();
    let says = format!(
        r#"{{"scopes": [], "grants": [{{"scope": "model:write", "names": ["{}"]}}]}}"#,
        names.join("\",\"")
    );
    let text = message(&whole(&mut knowing("", &says), "POST", CREATE, FOREIGN));
    assert!(
        text.contains("it may do so on names that match a0\\u{1b}, a1\\u{1b}, "),
        "{text}"
    );
    assert!(
        text.contains("a19\\u{1b}") && !text.contains("a20"),
        "{text}"
    );
    assert!(!text.chars().any(char::is_control));
}

#[test]
fn an_unclear_request_is_told_why() {
    for (sent, why) in [
        (
            r#"{"name": "acme-a", "name": "acme-a"}"#,
            "one plain JSON object",
        ),
        (r#"{"Name": "acme-a"}"#, "a field in another spelling"),
        ("{}", "name is missing"),
        (r#"{"name": "a/b"}"#, "name cannot be a model's name"),
        (r#"{"name": "acme-ü"}"#, "choose a name in ASCII"),
    ] {
        let next = whole(&mut knowing("", CONTRIBUTOR), "POST", CREATE, sent);
        let text = message(&next);
        assert!(
            text.contains("cannot tell which name the request acts on: ") && text.contains(why),
            "{text}"
        );
        assert_eq!(body(&next)["error_code"], "BAD_REQUEST");
    }
    let next = whole(
        &mut knowing(r#", "body_limit": 5"#, CONTRIBUTOR),
        "POST",
        CREATE,
        MINE,
    );
    assert!(message(&next).contains("larger than 5 bytes"), "{next:?}");
}

#[test]
fn audit_records_name_the_object() {
    let mut shell = knowing(r#", "audit": {"allows": true}"#, CONTRIBUTOR);
    for (path, sent, name) in [
        (CREATE, MINE, Some("acme-a")),
        (CREATE, FOREIGN, Some("globex-b")),
        (
            ALIAS,
            r#"{"name": "acme-a", "alias": "x", "version": "1"}"#,
            Some("acme-a@x"),
        ),
        (CREATE, "{}", None),
    ] {
        let next = whole(&mut shell, "POST", path, sent);
        let decision = next.decision().unwrap();
        let head = RequestHead {
            headers: &[(b":method", b"POST")],
            facts: None,
        };
        let now = shell.now;
        let record = shell.engine().audit_record(now, decision, &head, || None);
        let record: Value = serde_json::from_str(&record.unwrap()).unwrap();
        assert_eq!(record.get("name").and_then(Value::as_str), name, "{record}");
        assert_eq!(record["reason"], reason(&next));
    }
    let (_, next) = begin(
        &mut shell,
        "GET",
        "/api/2.0/mlflow/registered-models/search",
        "",
    );
    assert_eq!(next.decision().unwrap().name, None);
}
