#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use mlflow_authz::catalog;
use mlflow_authz::policy::Policy;
use serde_json::Value;

use super::{Format, Matrix, print};
use crate::config_file;

const CONFIG: &str = r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"public":["ui"],
    "scopes":{"<script>alert(1)</script>":["webhook:admin"],"model:read":[],"a\u001bb":["run:read"]}}"#;

fn printed(format: Format) -> String {
    let config = config_file::parse("test", CONFIG.as_ref()).unwrap();
    let policy = Policy::new(&config);
    let matrix = Matrix::new(&policy, &config, Some("<script>.json"));
    let mut out = Vec::new();
    print(&mut out, format, &matrix).unwrap();
    String::from_utf8(out).unwrap()
}

fn row(matrix: &Value, operation: &str) -> Value {
    let rows = matrix["operations"].as_array().unwrap();
    let found = rows.iter().find(|row| row["operation"] == operation);
    found.unwrap().clone()
}

#[test]
fn json_holds_every_operation_and_scope() {
    let matrix: Value = serde_json::from_str(&printed(Format::Json)).unwrap();
    let rows = matrix["operations"].as_array().unwrap();
    assert_eq!(rows.len(), catalog::operations().count());
    let scopes: Vec<&str> = matrix["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    for scope in [
        "model:read",
        "model:write",
        "admin",
        "a\u{1b}b",
        "<script>alert(1)</script>",
    ] {
        assert_eq!(
            scopes.iter().filter(|it| **it == scope).count(),
            1,
            "{scope}"
        );
    }
    assert_eq!(scopes[0], "model:read", "the narrowest first");
    assert!(scopes.last().unwrap().contains("admin") || *scopes.last().unwrap() == "full_access");
    let granting = |operation: &str| {
        let list: Vec<String> =
            serde_json::from_value(row(&matrix, operation)["scopes"].clone()).unwrap();
        list
    };
    assert!(granting("GetRun").contains(&"a\u{1b}b".to_owned()));
    assert!(!granting("GetRun").contains(&"model:read".to_owned()));
    assert!(granting("CreateWebhook").contains(&"<script>alert(1)</script>".to_owned()));
    assert!(!granting("CreateRun").contains(&"mlflow:read".to_owned()));
}

#[test]
fn public_is_what_the_configuration_opens() {
    let matrix: Value = serde_json::from_str(&printed(Format::Json)).unwrap();
    for operation in catalog::operations() {
        let opened = operation.public == Some(catalog::PublicGroup::Ui);
        assert_eq!(
            row(&matrix, operation.name)["public"],
            opened,
            "{}",
            operation.name
        );
    }
}

#[test]
fn text_has_a_mark_under_each_scopes_number() {
    let text = printed(Format::Text);
    let number = |scope: &str| {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("  {scope} (")))
            .unwrap();
        line.split_whitespace()
            .next()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let row = text
        .lines()
        .find(|line| line.starts_with("GetRun "))
        .unwrap();
    let marks: Vec<&str> = row.split_whitespace().skip(2).collect();
    assert_eq!(marks[number("model:read") - 1], ".");
    assert_eq!(marks[number("model:write") - 1], "x");
    assert!(text.contains("a\\u{1b}b (") && !text.contains('\u{1b}'));
}

#[test]
fn a_page_holds_the_matrix_and_no_script() {
    let page = printed(Format::Html);
    assert!(!page.contains("<script"));
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;")
            && page.contains("<code>&lt;script&gt;.json</code>")
    );
    let matrix: Value = serde_json::from_str(&printed(Format::Json)).unwrap();
    let granted: usize = matrix["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["scopes"].as_array().unwrap().len())
        .sum();
    assert_eq!(page.matches(r#"<td class="yes">"#).count(), granted);
}

/// What MLflow does not keep within a workspace needs a scope without that limit.
#[test]
fn operations_that_no_limited_scope_grants_are_marked() {
    let config = |more: &str| {
        let text = format!(r#"{{"mounts": ["/"], "auth_service": {{"cluster": "c"}}{more}}}"#);
        config_file::parse("test", text.as_bytes()).unwrap()
    };
    for (more, marked) in [(r#", "workspaces": {"enabled": true}"#, true), ("", false)] {
        let config = config(more);
        let policy = Policy::new(&config);
        let matrix = Matrix::new(&policy, &config, None);
        let print = |format| {
            let mut out = Vec::new();
            print(&mut out, format, &matrix).unwrap();
            String::from_utf8(out).unwrap()
        };
        let json: Value = serde_json::from_str(&print(Format::Json)).unwrap();
        assert_eq!(json["has_workspaces"], marked);
        assert_eq!(row(&json, "CreateRun")["by_workspace"], true);
        assert_eq!(row(&json, "CreateUser")["by_workspace"], false);
        let text = print(Format::Text);
        let line = |name: &str| {
            let start = format!("{name} ");
            text.lines()
                .find(|line| line.starts_with(&start))
                .unwrap()
                .to_owned()
        };
        assert!(
            !line("CreateRun").ends_with("not by workspace"),
            "{}",
            line("CreateRun")
        );
        assert_eq!(line("CreateUser").ends_with("not by workspace"), marked);
        assert_eq!(print(Format::Html).contains("not by workspace"), marked);
    }
}
