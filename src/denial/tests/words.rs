//! What a refusal says where the caller would look for the mistake in the wrong place.

use super::{answer, body, missing_scope, principal};
use crate::catalog::CATALOG;
use crate::decision::{Decision, Reason};
use crate::permission::Permission;
use crate::target::Target;

/// The message about a request, which is below the mount `/m`.
fn told(decision: &Decision, method: &str, path: &str) -> String {
    let target = format!("/m{path}");
    let headers: [(&[u8], &[u8]); 2] = [
        (b":method", method.as_bytes()),
        (b":path", target.as_bytes()),
    ];
    let decision = Decision {
        mount: Some("/m".into()),
        ..decision.clone()
    };
    let answered = answer("", &decision, &headers);
    body(&answered)["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_method_that_an_endpoint_does_not_serve_is_named() {
    let unknown = Decision {
        reason: Reason::OperationUnknown,
        operation: None,
        ..missing_scope(Some("k"), &["model:write"])
    };
    for (method, path, expected) in [
        (
            "OPTIONS",
            "/api/2.0/mlflow/runs/create",
            "may not send OPTIONS to this endpoint, which MLflow serves only for POST: it needs",
        ),
        (
            "HEAD",
            "/api/2.0/mlflow/runs/create",
            "may not send HEAD to this endpoint, which MLflow serves only for POST: it needs",
        ),
        (
            "OPTIONS",
            "/api/2.0/mlflow-artifacts/artifacts/1/a.txt",
            "may not send OPTIONS to this endpoint, which MLflow serves only for DELETE, GET, PUT: it needs",
        ),
        (
            "OPTIONS",
            "/api/3.0/mlflow/mcp-servers/a%2Fb/aliases",
            "may not send OPTIONS to this endpoint, which MLflow serves only for DELETE, GET, PATCH, POST: it needs",
        ),
        (
            "BREW-A-POT-OF-COFFEE-PLEASE",
            "/graphql",
            "may not send BREW-A-POT-OF-COFFEE to this endpoint, which MLflow serves only for GET, POST: it needs",
        ),
        (
            "OPTIONS",
            "/api/2.0/mlflow/nothing",
            "may not call this endpoint, which MLflow 2.0 to 3.18 does not have: it needs",
        ),
        (
            "POST",
            "/api/2.0/mlflow/%2F",
            "may not call this endpoint, which MLflow 2.0 to 3.18 does not have: it needs",
        ),
    ] {
        let text = told(&unknown, method, path);
        assert!(text.contains(expected), "{method} {path}: {text}");
    }
}

#[test]
fn a_refused_artifact_name_is_to_be_changed_and_not_spelled_otherwise() {
    for (path, expected) in [
        (
            "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/dept=R%252FD/part-0.parquet",
            "The path of the artifact holds an escaped slash (%2F), and MLflow would read it as another path. \
             Rename the file or the folder.",
        ),
        (
            "/api/2.0/mlflow-artifacts/artifacts/%20x",
            "The path of the artifact begins with a space or a control character, and MLflow would read it as \
             another path. Rename the file or the folder.",
        ),
        (
            "/api/2.0/mlflow/runs/a%252Fb",
            "The request target hides a separator, a dot or a control character behind an escape. \
             Send the plain path.",
        ),
    ] {
        let target = format!("/m{path}");
        let ambiguity = Target::parse(target.as_bytes()).unwrap_err();
        let decision = Decision {
            ambiguity: Some(ambiguity),
            ..Decision::new(Reason::TargetAmbiguous)
        };
        assert_eq!(told(&decision, "PUT", path), expected);
    }
}

#[test]
fn a_tag_that_needs_delete_to_be_removed_says_so() {
    const NOTE: &str = " MLflow's own permission check asks for delete here";
    for (method, path, expected, noted) in [
        (
            "DELETE",
            "/api/2.0/mlflow/model-versions/delete-tag",
            "may not delete a model version tag: it needs model_version:delete",
            true,
        ),
        (
            "DELETE",
            "/api/2.0/mlflow/logged-models/m-1/tags/k",
            "may not delete a logged model tag: it needs logged_model:delete",
            true,
        ),
        (
            "DELETE",
            "/api/3.0/mlflow/traces/tr-1/assessments/a-1",
            "may not delete an assessment: it needs trace:delete",
            true,
        ),
        (
            "DELETE",
            "/api/2.0/mlflow/model-versions/delete",
            "may not delete a model version: it needs model_version:delete",
            false,
        ),
        (
            "DELETE",
            "/api/2.0/mlflow/registered-models/delete-tag",
            "may not delete a registered model tag: it needs registered_model:write",
            false,
        ),
    ] {
        let operation = CATALOG.find(method, path).unwrap();
        let decision = Decision {
            operation: Some(operation),
            required: Some(Permission::new(operation.object, operation.access)),
            principal: principal(Some("k"), &["read"]),
            ..Decision::new(Reason::ScopeMissing)
        };
        let text = told(&decision, method, path);
        assert!(text.contains(expected), "{text}");
        assert_eq!(text.contains(NOTE), noted, "{text}");
    }
}
