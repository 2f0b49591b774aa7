use std::collections::{BTreeMap, BTreeSet};

use super::TABLES;
use crate::catalog::entry::{Operation, Surface};
use crate::catalog::object::{Access, Object, PublicGroup};

const METHODS: &[&str] = &["DELETE", "GET", "PATCH", "POST", "PUT"];

/// MLflow's sources that a row may cite.
const SOURCES: &[&str] = &[
    "server/__init__.py",
    "server/assistant/api.py",
    "server/auth/__init__.py",
    "server/gateway_api.py",
    "server/handlers.py",
    "server/job_api.py",
    "server/mcp_server_api.py",
    "server/prometheus_exporter.py",
    "server/skill_registry_api.py",
];

fn rows() -> impl Iterator<Item = &'static Operation> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Every (operation, method, full path).
fn endpoints() -> impl Iterator<Item = (&'static Operation, &'static str, String)> {
    rows().flat_map(|row| {
        row.routes.iter().flat_map(move |route| {
            route.paths().flat_map(move |path| {
                route
                    .methods
                    .iter()
                    .map(move |method| (row, *method, path.clone()))
            })
        })
    })
}

#[test]
fn names_are_unique() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.name), "{} is listed twice", row.name);
        assert!(
            row.name.chars().all(|c| c.is_ascii_alphanumeric()),
            "{}",
            row.name
        );
        assert!(
            row.name.starts_with(|c: char| c.is_ascii_uppercase()),
            "{}",
            row.name
        );
    }
}

#[test]
fn no_endpoint_belongs_to_two_operations() {
    let mut seen = BTreeMap::new();
    for (row, method, path) in endpoints() {
        if let Some(other) = seen.insert((method, path.clone()), row.name) {
            panic!("{method} {path} is both {other} and {}", row.name);
        }
    }
}

#[test]
fn every_row_has_routes_and_cites_a_source() {
    for row in rows() {
        assert!(!row.routes.is_empty(), "{} has no route", row.name);
        let (file, function) = row.source.split_once(' ').unwrap_or_default();
        assert!(SOURCES.contains(&file), "{}: {}", row.name, row.source);
        assert!(!function.is_empty(), "{}: {}", row.name, row.source);
    }
}

/// A query makes less of a `GET` that its operation has anyway, and never of an unknown one.
#[test]
fn narrowing_rows_have_the_routes_of_what_they_narrow() {
    let mut narrowing = 0;
    for row in rows() {
        assert!(row.routes.iter().all(|route| route.query.is_empty()));
        let Some(narrowed) = row.narrowed else {
            continue;
        };
        narrowing += 1;
        assert!(
            rows().all(|it| it.name != narrowed.name),
            "{}",
            narrowed.name
        );
        assert!(narrowed.narrowed.is_none() && narrowed.public.is_none());
        assert_eq!(
            (narrowed.object, narrowed.access),
            (row.object, Access::Read)
        );
        let paths = |row: &Operation| -> BTreeSet<String> {
            row.routes.iter().flat_map(|it| it.paths()).collect()
        };
        assert_eq!(paths(narrowed), paths(row), "{}", row.name);
        for route in narrowed.routes {
            assert_eq!(route.methods, ["GET"], "{}", narrowed.name);
            assert!(!route.query.is_empty(), "{}", narrowed.name);
        }
    }
    assert_eq!(narrowing, 2);
}

#[test]
fn methods_are_known_and_never_left_to_the_server() {
    for (row, method, _) in endpoints() {
        assert!(METHODS.contains(&method), "{}: {method}", row.name);
    }
}

#[test]
fn templates_start_as_their_surface_wants() {
    for row in rows() {
        for route in row.routes {
            let template = route.template;
            if matches!(route.surface, Surface::Root) {
                assert!(template.starts_with('/'), "{}: {template}", row.name);
                assert!(!template.starts_with("/api/"), "{}: {template}", row.name);
                assert!(
                    !template.starts_with("/ajax-api/"),
                    "{}: {template}",
                    row.name
                );
            } else {
                let versioned = template.starts_with("2.0") || template.starts_with("3.0");
                assert!(versioned, "{}: {template}", row.name);
            }
        }
    }
}

/// `{x}` and `{*x}` only; a parameter fills its segment, but for a suffix as in `{x}:generateContent` and an
/// organization's `@{x}`.
#[test]
fn parameters_are_well_formed() {
    for (row, _, path) in endpoints() {
        for segment in path
            .split('/')
            .filter(|segment| segment.contains(['{', '}']))
        {
            let name = segment
                .strip_prefix('@')
                .unwrap_or(segment)
                .strip_prefix('{')
                .and_then(|rest| rest.split_once('}'))
                .map(|(name, _)| name.strip_prefix('*').unwrap_or(name))
                .unwrap_or_default();
            let valid = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
            assert!(valid, "{}: {path}", row.name);
        }
    }
}

/// A request that changes something must never need as little as a read: of the methods that
/// should change something, only these are known to read.
#[test]
fn only_known_endpoints_read_by_another_method_than_get() {
    let reading: BTreeSet<&str> = endpoints()
        .filter(|(row, method, _)| *method != "GET" && row.access == Access::Read)
        .map(|(row, _, _)| row.name)
        .collect();
    let known = [
        "BatchGetTraceInfos",
        "CalculateTraceFilterCorrelation",
        "CreatePresignedDownloadUrl",
        "GetLatestVersions",
        "GraphQL",
        "QueryTraceMetrics",
        "SearchDatasets",
        "SearchEvaluationDatasets",
        "SearchExperiments",
        "SearchIssues",
        "SearchJobs",
        "SearchLoggedModels",
        "SearchPromptOptimizationJobs",
        "SearchRuns",
        "SearchTraces",
    ];
    assert_eq!(reading.into_iter().collect::<Vec<_>>(), known);
}

/// What DELETE is needed for less than `delete`: tags, aliases, and what only administrators may.
#[test]
fn deleting_needs_delete_or_is_known_not_to() {
    for (row, _, path) in endpoints().filter(|(_, method, _)| *method == "DELETE") {
        let expected = match row.access {
            Access::Delete | Access::Admin => true,
            Access::Promote => row.name.ends_with("Alias"),
            Access::Write => row.name.ends_with("Tag"),
            Access::Read | Access::Use => false,
        };
        assert!(expected, "{} needs only {}: {path}", row.name, row.access);
    }
}

/// Read scopes are handed out freely: they must not reach what these segments guard.
#[test]
fn what_guards_secrets_and_accounts_is_admin() {
    // What a caller is told about itself, and two booleans.
    let own = [
        "GetCurrentUser",
        "ListCurrentUserPermissions",
        "GetSecretsConfig",
    ];
    let guarded = [
        "/users/",
        "/roles/",
        "/permissions",
        "/secrets/",
        "/webhooks",
    ];
    for (row, _, path) in endpoints() {
        if guarded.iter().any(|segment| path.contains(segment)) && !own.contains(&row.name) {
            assert_eq!(row.access, Access::Admin, "{}: {path}", row.name);
        }
        if row.object == Object::Assistant && row.name != "GetProviders" {
            assert_eq!(row.access, Access::Admin, "{}: {path}", row.name);
        }
    }
}

#[test]
fn public_operations_only_read_the_server() {
    for row in rows().filter(|row| row.public.is_some()) {
        assert_eq!(
            (row.object, row.access),
            (Object::Server, Access::Read),
            "{}",
            row.name
        );
    }
    let health: Vec<_> = rows()
        .filter(|row| row.public == Some(PublicGroup::Health))
        .map(|row| row.name)
        .collect();
    assert_eq!(health, ["Health", "Version", "GetServerInfo"]);
}

#[test]
fn every_object_and_every_access_is_used() {
    for object in Object::ALL {
        assert!(rows().any(|row| row.object == *object), "{object}");
    }
    for access in Access::ALL {
        assert!(rows().any(|row| row.access == *access), "{access}");
    }
}
