pub(super) mod matching;
mod releases;

use super::{CATALOG, Catalog};
use crate::catalog::entry::{Operation, ajax, api, api_only, op, root};
use crate::catalog::object::{
    Access::{Admin, Delete, Promote, Read, Use, Write},
    Object::{Gateway, McpServer, Run, Server},
};
use crate::catalog::operations;

static PLAIN: &[Operation] = &[
    op(
        "CreateRun",
        Run,
        Write,
        "-",
        &[api(&["POST"], "2.0/mlflow/runs/create")],
    ),
    op(
        "GetRun",
        Run,
        Read,
        "-",
        &[api_only(&["GET"], "2.0/mlflow/runs/get")],
    ),
    op(
        "BulkRuns",
        Run,
        Read,
        "-",
        &[ajax(&["GET"], "2.0/mlflow/runs/bulk")],
    ),
    op(
        "GraphQL",
        Server,
        Read,
        "-",
        &[root(&["GET", "POST"], "/graphql")],
    ),
    op("Page", Server, Read, "-", &[root(&["GET"], "/")]),
    op(
        "GetThing",
        Run,
        Read,
        "-",
        &[root(&["GET"], "/things/{id}")],
    ),
    op(
        "DeleteThing",
        Run,
        Delete,
        "-",
        &[root(&["DELETE"], "/things/{id}")],
    ),
    op(
        "SearchThings",
        Run,
        Read,
        "-",
        &[root(&["POST"], "/things/search")],
    ),
    op(
        "GetPart",
        Run,
        Use,
        "-",
        &[root(&["GET"], "/things/{id}/parts/{part}")],
    ),
    op(
        "Generate",
        Gateway,
        Use,
        "-",
        &[root(&["POST"], "/models/{name}:generate")],
    ),
    op(
        "Stream",
        Gateway,
        Admin,
        "-",
        &[root(&["POST"], "/models/{name}:stream")],
    ),
    op(
        "Files",
        Server,
        Read,
        "-",
        &[root(&["GET"], "/files/{*path}")],
    ),
    op(
        "PutFile",
        Server,
        Write,
        "-",
        &[root(&["PUT"], "/files/{*path}")],
    ),
    op("ListFiles", Server, Read, "-", &[root(&["GET"], "/files")]),
];

/// Templates that go on behind a catch-all, the longer ones registered first.
static TAILS: &[Operation] = &[
    op(
        "TagVersion",
        McpServer,
        Write,
        "-",
        &[root(&["POST"], "/mcp/{*n}/versions/{*v}/tags")],
    ),
    op(
        "GetVersion",
        McpServer,
        Read,
        "-",
        &[root(&["GET"], "/mcp/{*n}/versions/{*v}")],
    ),
    op(
        "DeleteVersion",
        McpServer,
        Delete,
        "-",
        &[root(&["DELETE"], "/mcp/{*n}/versions/{*v}")],
    ),
    op(
        "ListVersions",
        McpServer,
        Read,
        "-",
        &[root(&["GET"], "/mcp/{*n}/versions")],
    ),
    op(
        "SetAlias",
        McpServer,
        Promote,
        "-",
        &[root(&["POST"], "/mcp/{*n}/aliases")],
    ),
    op(
        "GetEndpoint",
        McpServer,
        Admin,
        "-",
        &[root(&["GET"], "/mcp/{*n}/endpoints/{id}")],
    ),
    op(
        "Search",
        McpServer,
        Use,
        "-",
        &[root(&["GET"], "/mcp/search/{kind}")],
    ),
    op(
        "Endpoints",
        McpServer,
        Use,
        "-",
        &[root(&["GET"], "/mcp/endpoints")],
    ),
    op(
        "GetServer",
        McpServer,
        Read,
        "-",
        &[root(&["GET"], "/mcp/{*n}")],
    ),
    op(
        "DeleteServer",
        McpServer,
        Delete,
        "-",
        &[root(&["DELETE"], "/mcp/{*n}")],
    ),
    op(
        "PatchOne",
        McpServer,
        Write,
        "-",
        &[root(&["PATCH"], "/mcp/{id}")],
    ),
];

fn check(table: &'static [Operation], rows: &[(&str, &str, Option<&str>)]) {
    let catalog = Catalog::compile(table.iter());
    for (method, path, expected) in rows {
        let found = catalog.find(method, path).map(|operation| operation.name);
        assert_eq!(found, *expected, "{method} {path}");
    }
}

#[test]
fn surfaces_methods_and_exact_paths() {
    check(
        PLAIN,
        &[
            ("POST", "/api/2.0/mlflow/runs/create", Some("CreateRun")),
            (
                "POST",
                "/ajax-api/2.0/mlflow/runs/create",
                Some("CreateRun"),
            ),
            ("GET", "/api/2.0/mlflow/runs/get", Some("GetRun")),
            ("GET", "/ajax-api/2.0/mlflow/runs/get", None),
            ("GET", "/ajax-api/2.0/mlflow/runs/bulk", Some("BulkRuns")),
            ("GET", "/api/2.0/mlflow/runs/bulk", None),
            ("GET", "/graphql", Some("GraphQL")),
            ("POST", "/graphql", Some("GraphQL")),
            ("GET", "/", Some("Page")),
            // HEAD is GET; nothing else is.
            ("HEAD", "/api/2.0/mlflow/runs/get", Some("GetRun")),
            ("head", "/api/2.0/mlflow/runs/get", None),
            ("get", "/api/2.0/mlflow/runs/get", None),
            ("HEAD", "/api/2.0/mlflow/runs/create", None),
            ("GET", "/api/2.0/mlflow/runs/create", None),
            ("OPTIONS", "/api/2.0/mlflow/runs/create", None),
            ("", "/graphql", None),
            // A path is matched as a whole and by the letter.
            ("POST", "/api/2.0/mlflow/runs/create/", None),
            ("POST", "/api/2.0/mlflow/runs/create/x", None),
            ("POST", "/api/2.0/mlflow/runs/creat", None),
            ("POST", "/API/2.0/mlflow/runs/create", None),
            ("POST", "/api/2.0/mlflow/runs/Create", None),
            ("POST", "/x/api/2.0/mlflow/runs/create", None),
            ("GET", "", None),
        ],
    );
}

#[test]
fn parameters_prefixes_and_catch_alls() {
    check(
        PLAIN,
        &[
            ("GET", "/things/1", Some("GetThing")),
            ("GET", "/things/é 🦀", Some("GetThing")),
            ("GET", "/things/", None),
            ("GET", "/things", None),
            ("GET", "/things/1/2", None),
            ("GET", "/things/1/parts/2", Some("GetPart")),
            ("GET", "/things/search/parts/2", Some("GetPart")),
            ("GET", "/things/1/parts/", None),
            // The static path serves POST only: a server goes on to the rule with the parameter.
            ("POST", "/things/search", Some("SearchThings")),
            ("GET", "/things/search", Some("GetThing")),
            ("DELETE", "/things/search", Some("DeleteThing")),
            ("PUT", "/things/search", None),
            ("POST", "/models/a:generate", Some("Generate")),
            ("POST", "/models/a:b:stream", Some("Stream")),
            ("POST", "/models/a:other", None),
            ("POST", "/models/a", None),
            ("GET", "/files/a", Some("Files")),
            ("GET", "/files/a/b/c.txt", Some("Files")),
            ("GET", "/files/a/", Some("Files")),
            ("GET", "/files/", Some("Files")),
            ("PUT", "/files/", Some("PutFile")),
            ("GET", "/files", Some("ListFiles")),
            ("PUT", "/files", None),
            ("DELETE", "/files/a", None),
            ("GET", "/filesx", None),
        ],
    );
}

#[test]
fn templates_that_go_on_behind_a_catch_all() {
    check(
        TAILS,
        &[
            ("GET", "/mcp/a", Some("GetServer")),
            ("GET", "/mcp/io.github/a", Some("GetServer")),
            ("DELETE", "/mcp/a/b/c", Some("DeleteServer")),
            ("GET", "/mcp/a/versions", Some("ListVersions")),
            ("GET", "/mcp/a/b/versions", Some("ListVersions")),
            ("GET", "/mcp/a/b/versions/1", Some("GetVersion")),
            ("GET", "/mcp/a/versions/1/2", Some("GetVersion")),
            ("GET", "/mcp/versions/1", Some("GetServer")),
            ("GET", "/mcp/versions/versions", Some("ListVersions")),
            ("GET", "/mcp/versions/versions/1", Some("GetVersion")),
            ("DELETE", "/mcp/a/versions/1", Some("DeleteVersion")),
            ("DELETE", "/mcp/a/versions", Some("DeleteServer")),
            ("POST", "/mcp/a/versions/1/tags", Some("TagVersion")),
            (
                "POST",
                "/mcp/a/versions/x/tags/versions/1/tags",
                Some("TagVersion"),
            ),
            ("POST", "/mcp/a/versions/1", None),
            ("POST", "/mcp/a/versions/1/tags/k", None),
            ("POST", "/mcp/a/b/aliases", Some("SetAlias")),
            ("GET", "/mcp/a/endpoints/e", Some("GetEndpoint")),
            ("GET", "/mcp/a/endpoints/e/f", Some("GetServer")),
            ("GET", "/mcp/a/endpoints/", Some("GetServer")),
            ("PATCH", "/mcp/a", Some("PatchOne")),
            ("PATCH", "/mcp/a/b", None),
            // Static segments come first; what they do not serve falls to the catch-all.
            ("GET", "/mcp/endpoints", Some("Endpoints")),
            ("DELETE", "/mcp/endpoints", Some("DeleteServer")),
            ("GET", "/mcp/search/x", Some("Search")),
            ("GET", "/mcp/search/x/versions/1", Some("GetVersion")),
            ("GET", "/mcp/search", Some("GetServer")),
            ("GET", "/mcp", None),
        ],
    );
}

/// A template fits its own path, with one or several segments in the place of a catch-all.
#[test]
fn every_endpoint_of_the_catalog_is_found() {
    for operation in operations() {
        for route in operation.routes {
            for template in route.paths() {
                let path: Vec<String> = template.split('/').map(filled).collect();
                for method in route.methods {
                    let found = CATALOG
                        .find(method, &path.join("/"))
                        .map(|found| found.name);
                    assert_eq!(found, Some(operation.name), "{method} {template}");
                }
            }
        }
    }
}

/// A segment of a template with something in the place of its parameter.
fn filled(segment: &str) -> String {
    let parameter = segment.split_once('{').and_then(|(before, rest)| {
        rest.split_once('}')
            .map(|(name, behind)| (before, name, behind))
    });
    match parameter {
        Some((_, name, _)) if name.starts_with('*') => "x9/y9".to_owned(),
        Some((before, _, behind)) => format!("{before}x9{behind}"),
        None => segment.to_owned(),
    }
}

#[test]
fn known_endpoints_need_what_they_change() {
    for (method, path, object_and_access) in [
        ("POST", "/api/2.0/mlflow/runs/create", "run:write"),
        ("POST", "/ajax-api/2.0/mlflow/runs/create", "run:write"),
        ("POST", "/api/2.0/mlflow/runs/search", "run:read"),
        ("POST", "/api/2.0/mlflow/runs/delete", "run:delete"),
        (
            "POST",
            "/api/2.0/mlflow/registered-models/create",
            "registered_model:write",
        ),
        (
            "POST",
            "/api/2.0/mlflow/registered-models/alias",
            "registered_model:promote",
        ),
        (
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/1/a b.txt",
            "artifact:write",
        ),
        (
            "DELETE",
            "/api/2.0/mlflow-artifacts/artifacts/1/x",
            "artifact:delete",
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/x",
            "artifact:read",
        ),
        ("GET", "/get-artifact", "artifact:read"),
        ("POST", "/api/2.0/mlflow/users/create", "user:admin"),
        ("GET", "/health", "server:read"),
    ] {
        let operation = CATALOG
            .find(method, path)
            .unwrap_or_else(|| panic!("{method} {path}"));
        let found = format!("{}:{}", operation.object, operation.access);
        assert_eq!(found, object_and_access, "{method} {path}");
    }
}
