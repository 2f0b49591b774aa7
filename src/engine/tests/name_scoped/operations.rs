//! Every operation that names something, on the key's own names and on others.

use std::collections::BTreeSet;

use super::super::reason;
use super::{CONTRIBUTOR, knowing, whole};
use crate::catalog::{CATALOG, Naming, operations};

/// Every operation that names something: `NAME` and `ID` stand for a model or experiment.
const NAMING: &[(&str, &str, &str)] = &[
    ("POST", "registered-models/create", r#"{"name": "NAME"}"#),
    (
        "POST",
        "registered-models/rename",
        r#"{"name": "NAME", "new_name": "NAME-2"}"#,
    ),
    (
        "PATCH",
        "registered-models/update",
        r#"{"name": "NAME", "description": "d"}"#,
    ),
    ("DELETE", "registered-models/delete", r#"{"name": "NAME"}"#),
    ("GET", "registered-models/get?name=NAME", ""),
    (
        "POST",
        "registered-models/set-tag",
        r#"{"name": "NAME", "key": "k", "value": "v"}"#,
    ),
    (
        "DELETE",
        "registered-models/delete-tag",
        r#"{"name": "NAME", "key": "k"}"#,
    ),
    (
        "POST",
        "registered-models/alias",
        r#"{"name": "NAME", "alias": "a", "version": "1"}"#,
    ),
    (
        "DELETE",
        "registered-models/alias",
        r#"{"name": "NAME", "alias": "a"}"#,
    ),
    ("GET", "registered-models/alias?name=NAME&alias=a", ""),
    (
        "POST",
        "registered-models/get-latest-versions",
        r#"{"name": "NAME"}"#,
    ),
    (
        "POST",
        "model-versions/create",
        r#"{"name": "NAME", "source": "dummy-source"}"#,
    ),
    (
        "PATCH",
        "model-versions/update",
        r#"{"name": "NAME", "version": "1", "description": "d"}"#,
    ),
    (
        "POST",
        "model-versions/transition-stage",
        r#"{"name": "NAME", "version": "1", "stage": "None"}"#,
    ),
    (
        "DELETE",
        "model-versions/delete",
        r#"{"name": "NAME", "version": "1"}"#,
    ),
    ("GET", "model-versions/get?name=NAME&version=1", ""),
    (
        "GET",
        "model-versions/get-download-uri?name=NAME&version=1",
        "",
    ),
    (
        "POST",
        "model-versions/set-tag",
        r#"{"name": "NAME", "version": "1", "key": "k", "value": "v"}"#,
    ),
    (
        "DELETE",
        "model-versions/delete-tag",
        r#"{"name": "NAME", "version": "1", "key": "k"}"#,
    ),
    (
        "GET",
        "/model-versions/get-artifact?path=f&name=NAME&version=1",
        "",
    ),
    ("POST", "experiments/create", r#"{"name": "NAME"}"#),
    ("GET", "experiments/get-by-name?experiment_name=NAME", ""),
    ("GET", "experiments/get?experiment_id=ID", ""),
    (
        "POST",
        "experiments/update",
        r#"{"experiment_id": "ID", "new_name": "NAME"}"#,
    ),
    ("POST", "experiments/delete", r#"{"experiment_id": "ID"}"#),
    ("POST", "experiments/restore", r#"{"experiment_id": "ID"}"#),
    (
        "POST",
        "experiments/set-experiment-tag",
        r#"{"experiment_id": "ID", "key": "k", "value": "v"}"#,
    ),
    (
        "POST",
        "experiments/delete-experiment-tag",
        r#"{"experiment_id": "ID", "key": "k"}"#,
    ),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/ID/f", ""),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/ID/f", "file"),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/ID/f", ""),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=ID%2Ff", ""),
];

fn with_names(text: &str, name: &str, id: &str) -> String {
    text.replace("NAME", name).replace("ID", id)
}

fn target(path: &str, name: &str, id: &str) -> String {
    let above = if path.starts_with('/') {
        ""
    } else {
        "/api/2.0/mlflow/"
    };
    format!("{above}{}", with_names(path, name, id))
}

#[test]
fn every_operation_is_allowed_on_the_keys_own_names_and_refused_on_others() {
    let mut shell = knowing("", CONTRIBUTOR);
    for (method, path, body) in NAMING {
        for (name, id, expected) in [
            ("acme-a", "7", "allowed"),
            ("globex-b", "8", "name_not_granted"),
            ("ACME-a", "77", "name_not_granted"),
        ] {
            let (target, body) = (target(path, name, id), with_names(body, name, id));
            let next = whole(&mut shell, method, &target, &body);
            assert_eq!(reason(&next), expected, "{method} {target} {body}");
            let decision = next.decision().unwrap();
            let named = decision.name.as_deref().unwrap();
            assert!(named.starts_with(name) || named == id, "{named}");
        }
    }
    let seen: BTreeSet<&str> = NAMING
        .iter()
        .map(|(method, path, _)| {
            let target = target(path, "a", "7");
            let path = target.split('?').next().unwrap();
            CATALOG.find(method, path).unwrap().name
        })
        .collect();
    for operation in operations() {
        let named = !matches!(operation.naming, Naming::Untied | Naming::Collection);
        assert_eq!(seen.contains(operation.name), named, "{}", operation.name);
    }
}
