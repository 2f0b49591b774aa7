use std::sync::Arc;

use serde_json::{Value, json};

use super::answer;
use crate::auth_service::tests::reply;
use crate::auth_service::{Contract, Verdict};
use crate::catalog::Object;
use crate::config::Config;
use crate::config::tests::least_and;
use crate::decision::{Decision, Reason};
use crate::policy::Policy;
use crate::principal::Principal;

/// What a caller is told whom the auth service describes so.
fn told(more: &str, body: &str) -> Value {
    serde_json::from_str(&told_as_text(more, body)).unwrap()
}

fn told_as_text(more: &str, body: &str) -> String {
    let text = least_and(more);
    let config = Config::parse(text.as_bytes()).unwrap();
    let decision = Decision {
        principal: Some(Arc::new(principal(body))),
        ..Decision::new(Reason::Whoami)
    };
    let answer = answer(&decision, &Policy::new(&config), &config);
    assert_eq!(answer.status, 200);
    answer.body
}

fn principal(body: &str) -> Principal {
    let read = reply(200, body.as_bytes());
    match read.verdict(&Contract::default()) {
        Verdict::Valid(principal, _) => principal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn permissions_are_said_in_as_few_words_as_there_are() {
    for (scopes, is_admin, expected) in [
        (json!([]), false, json!([])),
        (json!(["model:read"]), false, json!(["*:read"])),
        (
            json!(["gateway:use"]),
            false,
            json!(["gateway:read", "gateway:use"]),
        ),
        (
            json!(["model:read", "gateway:use"]),
            false,
            json!(["*:read", "gateway:use"]),
        ),
        (json!(["admin", "gateway:use"]), false, json!(["*:*"])),
        (json!([]), true, json!(["*:*"])),
        (
            json!(["runs", "model:read"]),
            false,
            json!(["*:read", "run:*"]),
        ),
    ] {
        let body = json!({"scopes": scopes, "is_admin": is_admin}).to_string();
        let said = told(r#", "scopes": {"runs": ["run:*"]}"#, &body);
        assert_eq!(said["permissions"], expected, "{body}");
    }
}

#[test]
fn limited_rights_name_their_patterns() {
    let said = told(
        "",
        r#"{"scopes": ["model:read", "model:promote:acme-*@champion", "x:y:z"],
            "grants": [{"scope": "model:register", "names": ["acme-*", "17"]}]}"#,
    );
    assert_eq!(
        said["limited"][0],
        json!({"scope": "model:promote", "names": ["acme-*@champion"],
               "permissions": ["model_version:read", "model_version:promote", "registered_model:read",
                               "registered_model:promote"]})
    );
    assert_eq!(said["unknown_scopes"], json!(["x:y:z"]));
    let objects = &said["objects"];
    assert_eq!(objects["registered_model"]["read"], true);
    assert_eq!(
        objects["registered_model"]["write"],
        json!(["acme-*", "17"])
    );
    assert_eq!(
        objects["registered_model"]["promote"],
        json!(["acme-*@champion"])
    );
    assert_eq!(objects["registered_model"]["delete"], false);
    // No request names a run: a grant limited to names does not reach it.
    assert_eq!(objects["run"]["write"], false);
}

#[test]
fn roles_admin_and_help_are_said() {
    let said = told(
        r#", "roles": {"ops": ["job:use"]}, "help_url": "https://docs.example/keys""#,
        r#"{"scopes": [], "roles": ["ops"], "is_admin": false}"#,
    );
    assert_eq!(said["roles"], json!(["ops"]));
    assert_eq!(said["permissions"], json!(["job:use"]));
    assert_eq!(said["objects"]["job"]["use"], true);
    assert_eq!(said["is_admin"], false);
    assert_eq!(said["help_url"], "https://docs.example/keys");
}

#[test]
fn objects_stand_there_once_and_in_order() {
    let text = told_as_text("", r#"{"scopes": ["read"]}"#);
    let (_, objects) = text.split_once(r#""objects":{"#).unwrap();
    let names: Vec<&str> = objects
        .split(":{")
        .filter_map(|it| it.rsplit('"').nth(1))
        .collect();
    let known = names.iter().take(Object::ALL.len());
    let mut expected: Vec<&str> = Object::ALL.iter().map(|it| it.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(known.copied().collect::<Vec<_>>(), expected, "{text}");
}

/// What `limited` says of an object and `objects` says of it are one.
#[test]
fn limits_are_told_only_where_a_request_can_meet_them() {
    for scope in [
        "model:write",
        "mlflow:write",
        "mlflow:admin",
        "model:read",
        "gateway:use",
    ] {
        let body = json!({"scopes": [format!("{scope}:acme-*")]}).to_string();
        let said = told("", &body);
        let limited = &said["limited"][0];
        let listed: Vec<&str> = limited["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let mut allowed = Vec::new();
        for (object, accesses) in said["objects"].as_object().unwrap() {
            for (access, how) in accesses.as_object().unwrap() {
                if *how != json!(false) {
                    assert_eq!(*how, json!(["acme-*"]), "{scope} {object}:{access}");
                    allowed.push(format!("{object}:{access}"));
                }
            }
        }
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, allowed, "{scope}");
    }
    let said = told("", r#"{"scopes": ["model:write:acme-*"]}"#);
    let only_unlimited = said["limited"][0]["only_unlimited"].as_array().unwrap();
    assert!(only_unlimited.contains(&json!("run:write")), "{said}");
    assert_eq!(said["objects"]["run"]["write"], false);
}

#[test]
fn operations_that_need_something_else_than_their_access_are_said_apart() {
    let graphql = "experiment:read, run:read, registered_model:read, model_version:read, dataset:read, artifact:read";
    let list = "gateway:read or experiment:read";
    for (more, scopes, operation, expected) in [
        (
            "",
            json!(["model:read"]),
            "GraphQL",
            json!({"allowed": true, "needs": graphql, "missing": []}),
        ),
        (
            "",
            json!(["tracking:write"]),
            "GraphQL",
            json!({"allowed": false, "needs": graphql, "missing": ["registered_model:read", "model_version:read"]}),
        ),
        (
            r#", "graphql": "deny""#,
            json!(["mlflow:admin"]),
            "GraphQL",
            json!({"allowed": false, "needs": graphql, "missing": []}),
        ),
        (
            "",
            json!(["model:promote"]),
            "Serve",
            json!({"allowed": true, "needs": "any permission", "missing": []}),
        ),
        (
            "",
            json!([]),
            "Serve",
            json!({"allowed": false, "needs": "any permission", "missing": []}),
        ),
        (
            "",
            json!(["tracking:write"]),
            "ListDeploymentsEndpoints",
            json!({"allowed": true, "needs": list, "missing": []}),
        ),
        (
            "",
            json!(["gateway:use"]),
            "ListDeploymentsEndpoints",
            json!({"allowed": true, "needs": list, "missing": []}),
        ),
        (
            "",
            json!(["model:promote", "model:write:fraud-*"]),
            "ListDeploymentsEndpoints",
            json!({"allowed": false, "needs": list, "missing": ["gateway:read"]}),
        ),
    ] {
        let said = told(more, &json!({ "scopes": scopes }).to_string());
        assert_eq!(
            said["operations"][operation], expected,
            "{operation} {scopes}"
        );
    }
}
