//! What MLflow's clients send, recorded from 2.7.1, 3.9.0 and 3.17.2 (Python), the UI and the Java client.

use super::{JSON, request, send};

const MODELS: &str = "registered-models";
const VERSIONS: &str = "model-versions";

#[test]
fn writes_of_the_python_client_are_read() {
    for (method, path, body, expected) in [
        (
            "POST",
            "registered-models/create",
            r#"{"name": "acme-fraud-a", "tags": [{"key": "a", "value": "b"}], "description": "d"}"#,
            &["registered_model:write acme-fraud-a"][..],
        ),
        (
            "POST",
            "registered-models/rename",
            r#"{"name": "acme-a-copy", "new_name": "acme-a-r"}"#,
            &[
                "registered_model:write acme-a-copy",
                "registered_model:write acme-a-r",
            ],
        ),
        (
            "PATCH",
            "registered-models/update",
            r#"{"name": "acme-a", "description": "nd"}"#,
            &["registered_model:write acme-a"],
        ),
        (
            "DELETE",
            "registered-models/delete",
            r#"{"name": "acme-a"}"#,
            &["registered_model:delete acme-a"],
        ),
        (
            "POST",
            "registered-models/set-tag",
            r#"{"name": "acme-a", "key": "k", "value": "v"}"#,
            &["registered_model:write acme-a"],
        ),
        (
            "DELETE",
            "registered-models/delete-tag",
            r#"{"name": "acme-a", "key": "k"}"#,
            &["registered_model:write acme-a"],
        ),
        (
            "POST",
            "registered-models/alias",
            r#"{"name": "acme-a", "alias": "champion", "version": "1"}"#,
            &["registered_model:promote acme-a@champion"],
        ),
        (
            "DELETE",
            "registered-models/alias",
            r#"{"name": "acme-a", "alias": "champion"}"#,
            &["registered_model:promote acme-a@champion"],
        ),
        (
            "POST",
            "registered-models/get-latest-versions",
            r#"{"name": "acme-a", "stages": ["None"]}"#,
            &["model_version:read acme-a"],
        ),
        (
            "POST",
            "model-versions/create",
            r#"{"name": "acme-a", "source": "models:/m-0123", "model_id": "m-0123"}"#,
            &[
                "model_version:write acme-a",
                "logged_model:write *",
                "logged_model:write *",
            ],
        ),
        (
            "POST",
            "model-versions/create",
            r#"{"name": "acme-a", "source": "mlflow-artifacts:/1/r/artifacts/model", "run_id": "r", "tags": [], "run_link": "", "description": "d"}"#,
            &["model_version:write acme-a", "artifact:read #1"],
        ),
        (
            "POST",
            "model-versions/create",
            r#"{"name": "acme-copy", "source": "models:/acme-a/1", "run_id": "r", "model_id": "m-1"}"#,
            &[
                "model_version:write acme-copy",
                "model_version:read acme-a",
                "logged_model:write *",
            ],
        ),
        (
            "POST",
            "model-versions/create",
            r#"{"name": "acme-prompt", "source": "dummy-source", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "\u00fc {{x}}"}]}"#,
            &["model_version:write acme-prompt"],
        ),
        (
            "PATCH",
            "model-versions/update",
            r#"{"name": "acme-a", "version": "1", "description": "nd"}"#,
            &["model_version:write acme-a"],
        ),
        (
            "POST",
            "model-versions/transition-stage",
            r#"{"name": "acme-a", "version": "1", "stage": "Staging", "archive_existing_versions": true}"#,
            &["model_version:promote acme-a"],
        ),
        (
            "DELETE",
            "model-versions/delete",
            r#"{"name": "acme-a", "version": "1"}"#,
            &["model_version:delete acme-a"],
        ),
        (
            "POST",
            "model-versions/set-tag",
            r#"{"name": "acme-a", "version": "1", "key": "k", "value": "v"}"#,
            &["model_version:write acme-a"],
        ),
        (
            "DELETE",
            "model-versions/delete-tag",
            r#"{"name": "acme-a", "version": "1", "key": "k"}"#,
            &["model_version:delete acme-a"],
        ),
        (
            "POST",
            "experiments/create",
            r#"{"name": "acme/exp-a", "tags": [{"key": "k", "value": "v"}]}"#,
            &["experiment:write acme/exp-a"],
        ),
        (
            "POST",
            "experiments/update",
            r#"{"experiment_id": "2", "new_name": "acme/exp3-a"}"#,
            &["experiment:write #2", "experiment:write acme/exp3-a"],
        ),
        (
            "POST",
            "experiments/delete",
            r#"{"experiment_id": "2"}"#,
            &["experiment:delete #2"],
        ),
        (
            "POST",
            "experiments/restore",
            r#"{"experiment_id": "2"}"#,
            &["experiment:delete #2"],
        ),
        (
            "POST",
            "experiments/set-experiment-tag",
            r#"{"experiment_id": "1", "key": "k", "value": "v"}"#,
            &["experiment:write #1"],
        ),
        (
            "POST",
            "experiments/delete-experiment-tag",
            r#"{"experiment_id": "1", "key": "k"}"#,
            &["experiment:write #1"],
        ),
    ] {
        let target = format!("/api/2.0/mlflow/{path}");
        let found = send(method, &target, body.as_bytes());
        let expected: Vec<String> = expected.iter().map(|demand| (*demand).to_owned()).collect();
        assert_eq!(found, Ok(expected), "{method} {path} {body}");
    }
}

#[test]
fn reads_of_the_python_client_are_read() {
    for (target, expected) in [
        (
            "registered-models/get?name=acme-fraud-a",
            "registered_model:read acme-fraud-a",
        ),
        (
            "model-versions/get?name=acme-a&version=1",
            "model_version:read acme-a",
        ),
        (
            "model-versions/get-download-uri?name=acme-a&version=2",
            "model_version:read acme-a",
        ),
        (
            "registered-models/alias?name=acme-prompt-a&alias=latest",
            "model_version:read acme-prompt-a",
        ),
        ("experiments/get?experiment_id=1", "experiment:read #1"),
        (
            "experiments/get-by-name?experiment_name=acme%2Fexp-a",
            "experiment:read acme/exp-a",
        ),
    ] {
        let target = format!("/api/2.0/mlflow/{target}");
        let headers = [JSON, (&b"accept"[..], &b"*/*"[..])];
        assert_eq!(
            request("GET", &target, &headers, b""),
            Ok(vec![expected.to_owned()]),
            "{target}"
        );
    }
}

#[test]
fn other_clients_have_other_headers_and_orders() {
    let utf8: (&[u8], &[u8]) = (b"content-type", b"application/json; charset=utf-8");
    for (method, path, body, expected) in [
        // The UI: raw UTF-8, the name not first.
        (
            "DELETE",
            format!("/ajax-api/2.0/mlflow/{VERSIONS}/delete-tag"),
            r#"{"key":"k","name":"acme-a","version":"1"}"#,
            "model_version:delete acme-a",
        ),
        (
            "PATCH",
            format!("/ajax-api/2.0/mlflow/{MODELS}/update"),
            "{\"name\":\"acme-a\",\"description\":\"\u{fc}\"}",
            "registered_model:write acme-a",
        ),
        // Java: protobuf's printer.
        (
            "POST",
            format!("/api/2.0/mlflow/{MODELS}/create"),
            "{\n  \"name\": \"acme-a\"\n}",
            "registered_model:write acme-a",
        ),
    ] {
        let found = request(method, &path, &[utf8], body.as_bytes());
        assert_eq!(found, Ok(vec![expected.to_owned()]), "{method} {path}");
    }
}

/// A limit that the README tells of: one character can be written in more than one way.
#[test]
fn names_beyond_ascii_are_refused() {
    let created = send(
        "POST",
        super::CREATE,
        br#"{"name": "acme-\u00fc\u6a21 %+-a"}"#,
    );
    let target = "/api/2.0/mlflow/registered-models/get?name=acme-%C3%BC%E6%A8%A1+%25%2B-a";
    for found in [created, request("GET", target, &[], b"")] {
        assert!(found.is_err_and(|why| why.contains("choose a name in ASCII")));
    }
}
