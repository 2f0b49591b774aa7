//! What a rewrite makes of a path: MLflow must get the one that was decided about.

use super::{ACTION, Case, assert_found, behind, instead, route};

/// Another start of the path than the sample's.
fn start(what: &'static str, prefix: &str) -> Case {
    instead(
        what,
        "                  prefix_rewrite: /\n                  # 0s",
        &format!("                  prefix_rewrite: '{prefix}'\n                  # 0s"),
        "rewrite",
    )
}

pub fn cases() -> Vec<Case> {
    vec![
        behind(
            "a rewritten pattern",
            ACTION,
            "regex_rewrite: { pattern: { regex: '^/api/mlflow/x/' }, substitution: / }",
            "rewrite",
        ),
        behind(
            "a policy rewrites",
            ACTION,
            "path_rewrite_policy: { name: r, typed_config: {} }",
            "rewrite",
        ),
        behind(
            "a format rewrites",
            ACTION,
            "path_rewrite: '/%REQ(x-path)%'",
            "rewrite",
        ),
        instead(
            "the start of an endpoint",
            "                  prefix_rewrite: /\n                  # 0s",
            "                  prefix_rewrite: /api/2.0/mlflow/users/\n                  # 0s",
            "rewrite",
        ),
        instead(
            "a start without its slash",
            "                  prefix_rewrite: /\n                  # 0s",
            "                  prefix_rewrite: /x\n                  # 0s",
            "rewrite",
        ),
        route(
            "a page that becomes an endpoint",
            "{ match: { path: /api/mlflow/health }, route: { cluster: mlflow, prefix_rewrite: /api/2.0/mlflow/users/list } }",
            "rewrite",
        ),
        start("an escape in the path", "/%61jax-api/2.0/mlflow/"),
        start("dot segments in the path", "/x/../api/2.0/mlflow/users/"),
        start("a dot segment alone", "/./"),
        start("a query in the path", "/x?y=/"),
        start("parameters in the path", "/get-artifact;/"),
        start("slashes in the path", "/x//"),
    ]
}

#[test]
fn what_rewrites_open() {
    assert_found(&cases());
}
