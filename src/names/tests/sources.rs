//! `source` of a model version: what is read for it.

use serde_json::json;

use super::post;

const CREATE: &str = "/api/2.0/mlflow/model-versions/create";

fn source(source: &str) -> Result<Option<String>, String> {
    let body = json!({"name": "acme-a", "source": source}).to_string();
    let mut demands = post(CREATE, body.as_bytes())?;
    assert_eq!(demands.remove(0), "model_version:write acme-a");
    assert!(demands.len() < 2);
    Ok(demands.pop())
}

#[test]
fn what_a_source_demands_beside_its_version() {
    const WIDE: Option<&str> = Some("artifact:read *");
    for (text, expected) in [
        ("dummy-source", None),
        ("prompt-template", None),
        ("models:/globex-b/1", Some("model_version:read globex-b")),
        ("models:/globex-b/10", Some("model_version:read globex-b")),
        (
            "models:/globex-b@champion",
            Some("model_version:read globex-b"),
        ),
        ("models:/m-b@x", Some("model_version:read m-b")),
        ("models:/m-b/1", Some("model_version:read m-b")),
        ("models:/7/1", Some("model_version:read 7")),
        (
            "models:/m-0123456789abcdef0123456789abcdef",
            Some("logged_model:write *"),
        ),
        ("models:/m-x", Some("logged_model:write *")),
        (
            "runs:/0123456789abcdef0123456789abcdef/model",
            Some("run:read *"),
        ),
        (
            "mlflow-artifacts:/8/r/artifacts/model",
            Some("artifact:read #8"),
        ),
        (
            "mlflow-artifacts:/workspaces/w/8/f",
            Some("artifact:read #8"),
        ),
        // Any other spelling needs the right to read any artifact.
        ("", WIDE),
        ("MODELS:/globex-b/1", WIDE),
        (" models:/globex-b/1", WIDE),
        ("models:///globex-b/1", WIDE),
        ("models://x/globex-b/1", WIDE),
        ("models:globex-b/1", WIDE),
        ("models:/globex-b", WIDE),
        ("models:/globex-b/1/sub", WIDE),
        ("models:/globex-b/1?x=1", WIDE),
        ("models:/globex-b/1#x", WIDE),
        ("models:/globex-b/%31", WIDE),
        ("models:/globex-b/01", WIDE),
        ("models:/globex-b/+1", WIDE),
        ("models:/globex-b/ 1", WIDE),
        ("models:/globex-b/0", WIDE),
        ("models:/globex-b/", WIDE),
        ("models:/globex-b/latest", WIDE),
        ("models:/globex-b/Production", WIDE),
        ("models:/globex%2Db/1", WIDE),
        ("models:/globex?b/1", WIDE),
        ("models:/a@b/1", WIDE),
        ("models:/a@b@c", WIDE),
        ("models:/globex-b@", WIDE),
        ("models:/globex-b@x ", WIDE),
        ("models:/", WIDE),
        ("s3://bucket/path", WIDE),
        ("gs://bucket/path", WIDE),
        ("dbfs:/x", WIDE),
        ("file:///etc", WIDE),
        ("/etc/passwd", WIDE),
        ("./x", WIDE),
        ("Dummy-Source", WIDE),
        ("dummy-source/", WIDE),
        ("RUNS:/x/y", WIDE),
        ("mlflow-artifacts://host/8/f", WIDE),
        ("mlflow-artifacts:///8/f", WIDE),
        ("mlflow-artifacts:8/f", WIDE),
        ("mlflow-artifacts:/08/f", WIDE),
        ("mlflow-artifacts:/8/../9/f", WIDE),
        ("mlflow-artifacts:/8/./f", WIDE),
        ("mlflow-artifacts:/8/%2e%2e/9/f", WIDE),
        ("mlflow-artifacts:/8//f", WIDE),
        ("mlflow-artifacts:/8/", WIDE),
        ("mlflow-artifacts:/8/f?x", WIDE),
        ("mlflow-artifacts:/8/f#x", WIDE),
        ("mlflow-artifacts:/8/a\\b", WIDE),
        ("mlflow-artifacts:/8/a\nb", WIDE),
        ("mlflow-artifacts:/x/f", WIDE),
        ("mlflow-artifacts:/", WIDE),
    ] {
        assert_eq!(source(text), Ok(expected.map(str::to_owned)), "{text:?}");
    }
}

#[test]
fn a_source_that_names_no_possible_model_is_refused() {
    for text in [
        "models:/../1",
        "models:/./1",
        "models:/a:b/1",
        "models:/ a/1",
        "models:/\u{fc}/1",
        "models://1",
    ] {
        let found = source(text);
        assert!(
            found.is_err() || found == Ok(Some("artifact:read *".to_owned())),
            "{text:?}: {found:?}"
        );
    }
}

#[test]
fn a_version_without_a_source_is_refused() {
    for body in [
        r#"{"name":"acme-a"}"#,
        r#"{"name":"acme-a","source":null}"#,
        r#"{"name":"acme-a","source":"s3://b/p","source":"models:/acme-a/1"}"#,
        r#"{"name":"acme-a","source":5}"#,
        r#"{"source":"models:/acme-a/1"}"#,
    ] {
        assert!(post(CREATE, body.as_bytes()).is_err(), "{body}");
    }
}

/// MLflow tags it with the version, and releases before 3.17 do not ask whether it is the source's own.
#[test]
fn a_logged_model_beside_the_source_is_written_to() {
    for (more, expected) in [
        ("", &["model_version:read acme-b"][..]),
        (r#","model_id":"""#, &["model_version:read acme-b"]),
        (
            r#","model_id":"m-foreign""#,
            &["model_version:read acme-b", "logged_model:write *"],
        ),
        (r#","run_id":"r""#, &["model_version:read acme-b"]),
    ] {
        let body = format!(r#"{{"name":"acme-a","source":"models:/acme-b/1"{more}}}"#);
        let mut demands = post(CREATE, body.as_bytes()).unwrap();
        assert_eq!(demands.remove(0), "model_version:write acme-a");
        assert_eq!(demands, expected, "{body}");
    }
    let camel = r#"{"name":"acme-a","source":"models:/acme-b/1","modelId":"m-foreign"}"#;
    assert!(post(CREATE, camel.as_bytes()).is_err());
}
