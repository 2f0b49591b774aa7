//! What Envoy's ext_authz filter is answered.

use serde_json::json;

use super::{StandIn, bearer};

const READ: &str = "/ext-authz/api/mlflow/api/2.0/mlflow/runs/get?run_id=1";
const WRITE: &str = "/ext-authz/api/mlflow/api/2.0/mlflow/runs/log-metric";

fn stand_in(flags: &[&str]) -> StandIn {
    let keys = json!({"keys": [
        {"key": "hk_reader", "user_id": "u1", "key_id": "key_1", "scopes": ["model:read"]},
        {"key": "hk_writer", "scopes": ["model:write"]},
        {"key": "hk_narrow", "scopes": ["model:write:acme-*"]},
        {"key": "hk_limited", "status": 429, "retry_after": 7},
        {"key": "hk_broken", "scopes": 7},
    ]});
    StandIn::start(&keys, flags)
}

#[test]
fn a_check_is_decided_by_the_scopes_of_the_key() {
    let stand_in = stand_in(&["--ext-authz-mount", "/api/mlflow"]);
    for (method, target, key, status) in [
        ("GET", READ, "hk_reader", 200),
        ("GET", READ, "hk_writer", 200),
        ("POST", WRITE, "hk_writer", 200),
        ("POST", WRITE, "hk_reader", 403),
        ("POST", WRITE, "hk_narrow", 403),
        ("POST", WRITE, "hk_unknown", 401),
        ("POST", WRITE, "hk_limited", 429),
        ("POST", WRITE, "hk_broken", 500),
        ("GET", "/ext-authz/api/mlflow/no/such", "hk_writer", 403),
        (
            "GET",
            "/ext-authz/api/2.0/mlflow/runs/get",
            "hk_writer",
            403,
        ),
        ("GET", "/ext-authz/api/mlflow//runs/get", "hk_writer", 403),
    ] {
        let reply = stand_in.request(method, target, &bearer(key), "");
        assert_eq!(reply.status, status, "{method} {target} {key}");
    }
    assert_eq!(stand_in.stats()["validations"], 11);
    let without = stand_in.request("GET", READ, "", "");
    assert_eq!(without.status, 401);
}

#[test]
fn a_yes_says_whose_key_it_is() {
    let stand_in = stand_in(&["--ext-authz-mount", "/api/mlflow"]);
    let reply = stand_in.request("GET", READ, &bearer("hk_reader"), "");
    for line in [
        "x-mlflow-authz-user: u1",
        "x-mlflow-authz-key: key_1",
        "x-mlflow-authz-scopes: model:read",
    ] {
        assert!(reply.head.contains(line), "{line} in {}", reply.head);
    }
    let refused = stand_in.request("POST", WRITE, &bearer("hk_reader"), "");
    assert!(!refused.head.contains("x-mlflow-authz"), "{}", refused.head);
}

#[test]
fn without_the_option_there_are_no_checks() {
    let reply = stand_in(&[]).request("GET", READ, &bearer("hk_reader"), "");
    assert_eq!(reply.status, 404);
}
