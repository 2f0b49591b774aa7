//! A path that ends in that of a known endpoint needs at least what that endpoint needs.

use super::strict_reading;
use crate::catalog::{Access, CATALOG, operations};
use crate::permission::Permission;

/// Every path of the catalog with the methods that it serves, its parameters filled in.
fn paths() -> Vec<(&'static str, String, Permission)> {
    let mut found = Vec::new();
    for operation in operations() {
        for route in operation.routes {
            for prefix in route.prefixes() {
                let path = filled(&format!("{prefix}{}", route.template));
                let needs = Permission::new(operation.object, operation.access);
                for method in route.methods {
                    found.push((*method, path.clone(), needs));
                }
            }
        }
    }
    found
}

/// The template with `a` in the place of a parameter, `a/b` of a catch-all.
fn filled(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').unwrap();
        path.push_str(before);
        path.push_str(if name.starts_with('*') { "a/b" } else { "a" });
        rest = after;
    }
    let path = format!("{path}{rest}");
    if path.starts_with('/') {
        path
    } else {
        format!("/{path}")
    }
}

/// An unknown endpoint needs an access on every object; `*:admin` is the strictest there is.
fn is_at_least(required: Permission, own: Permission) -> bool {
    required.object.is_none()
        && (required.access == Some(Access::Admin) || required.access == own.access)
}

#[test]
fn every_path_behind_a_prefix_needs_what_it_needs_itself() {
    let paths = paths();
    assert!(paths.len() > 500, "{}", paths.len());
    for prefix in ["/foo", "/api/mlflow", "/a/b/c", "/p", "/api"] {
        for (method, path, own) in &paths {
            for spelling in [
                format!("{prefix}{path}"),
                format!("{prefix}{path}/"),
                format!("{prefix}{prefix}{path}"),
            ] {
                if CATALOG.find(method, &spelling).is_some() {
                    continue;
                }
                for tried in [method, "GET", "HEAD", "POST"] {
                    let required = strict_reading(tried, &spelling);
                    let compared = if tried == *method || own.access != Some(Access::Read) {
                        *own
                    } else {
                        Permission::on_everything(Access::Read)
                    };
                    assert!(
                        is_at_least(required, compared) || required.access == Some(Access::Admin),
                        "{tried} {spelling}: {required}, and {method} {path} needs {own}"
                    );
                }
            }
        }
    }
}

#[test]
fn case_does_not_hide_what_does_more_than_read() {
    for (method, path, own) in paths() {
        for spelling in [path.to_ascii_uppercase(), path.to_ascii_lowercase()] {
            let behind = format!("/foo{spelling}");
            let required = strict_reading("GET", &behind);
            assert!(
                own.access == Some(Access::Read) || required.access == Some(Access::Admin),
                "GET {behind}: {required}, and {method} {path} needs {own}"
            );
        }
    }
}

#[test]
fn what_a_path_ends_in() {
    for (method, path, needs) in [
        ("GET", "/foo/ajax-api/2.0/mlflow/gateway-proxy", "*:admin"),
        ("GET", "/foo/signup", "*:admin"),
        ("HEAD", "/foo/signup", "*:admin"),
        ("GET", "/foo/signup/", "*:admin"),
        ("GET", "/foo/SIGNUP", "*:admin"),
        ("GET", "/foo/Signup/", "*:admin"),
        ("GET", "/foo/api/2.0/mlflow/runs/create", "*:admin"),
        ("GET", "/foo/api/2.0/MLFLOW/runs/Create", "*:admin"),
        ("GET", "/api/mlflow/api/2.0/mlflow/runs/delete", "*:admin"),
        (
            "GET",
            "/foo/api/2.0/mlflow-artifacts/artifacts/a/b/c",
            "*:admin",
        ),
        ("GET", "/foo/api/2.0/mlflow/runs/get", "*:read"),
        ("GET", "/foo/health", "*:read"),
        ("GET", "/signups", "*:read"),
        ("GET", "/foo/signup2", "*:read"),
        ("GET", "/foo/signup/x", "*:read"),
        ("GET", "/new/endpoint", "*:read"),
        ("POST", "/foo/api/2.0/mlflow/runs/get", "*:admin"),
    ] {
        assert_eq!(
            strict_reading(method, path).to_string(),
            needs,
            "{method} {path}"
        );
    }
}

/// No path that a caller can make up costs more than a bounded number of look-ups.
#[test]
fn a_path_of_very_many_segments_needs_the_strictest() {
    for segment in [
        "/a",
        "/api",
        "/static-files",
        "/mcp-servers",
        "/api/2.0/mlflow",
    ] {
        let path = segment.repeat(5_000);
        assert_eq!(
            strict_reading("GET", &path).to_string(),
            "*:admin",
            "{segment}"
        );
    }
    assert_eq!(
        strict_reading("GET", &"/a".repeat(64)).to_string(),
        "*:read"
    );
    assert_eq!(
        strict_reading("GET", &"/a".repeat(65)).to_string(),
        "*:admin"
    );
}
