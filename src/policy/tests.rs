mod foreign_words;
mod name_scoped;

use super::{Permission, Policy, Rights, Within};
use crate::catalog::{Access, Object};
use crate::config::Config;
use crate::config::tests::least_and;
use crate::principal::{Grant, Principal};

const MODELS_AND_TRACKING: &[&str] = &[
    "experiment",
    "run",
    "logged_model",
    "registered_model",
    "model_version",
    "artifact",
    "dataset",
    "trace",
];
const TRACKING: &[&str] = &[
    "experiment",
    "run",
    "logged_model",
    "artifact",
    "dataset",
    "trace",
];
const REGISTRY: &[&str] = &["registered_model", "model_version"];

fn policy(more: &str) -> Policy {
    let text = least_and(more);
    Policy::new(&Config::parse(text.as_bytes()).unwrap())
}

fn permission(text: &str) -> Permission {
    text.parse().unwrap()
}

fn with_scopes(scopes: &[&str]) -> Principal {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Principal {
        scopes,
        ..Principal::default()
    }
}

/// Its rights without a limit to workspaces.
fn everywhere<'a>(policy: &'a Policy, principal: &'a Principal) -> Rights<'a> {
    policy.rights(principal, Within::Everywhere)
}

fn with_roles(roles: &[&str]) -> Principal {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Principal {
        roles,
        ..Principal::default()
    }
}

/// Every permission with both sides named, and those an unknown endpoint needs.
fn demands() -> Vec<Permission> {
    let named = Object::ALL.iter().flat_map(|object| {
        Access::ALL
            .iter()
            .map(|access| Permission::new(*object, *access))
    });
    named
        .chain(
            Access::ALL
                .iter()
                .map(|access| Permission::on_everything(*access)),
        )
        .collect()
}

/// The default table, each row over every object and access.
#[test]
fn the_default_scope_table() {
    let everything: &[&str] = &["*"];
    for (scopes, objects, accesses) in [
        (
            &["model:read", "mlflow:read", "mlflow:access", "read"][..],
            everything,
            &["read"][..],
        ),
        (&["model:register"], MODELS_AND_TRACKING, &["read", "write"]),
        (
            &["model:write"],
            MODELS_AND_TRACKING,
            &["read", "write", "promote"],
        ),
        (&["model:promote"], REGISTRY, &["read", "promote"]),
        (&["model:delete"], MODELS_AND_TRACKING, &["read", "delete"]),
        (&["tracking:write"], TRACKING, &["read", "write"]),
        (
            &["mlflow:write", "write"],
            everything,
            &["read", "write", "promote"],
        ),
        (&["mlflow:delete"], everything, &["read", "delete"]),
        (&["gateway:use"], &["gateway"], &["read", "use"]),
        (
            &["mlflow:admin", "admin", "full_access"],
            everything,
            &["read", "write", "promote", "delete", "use", "admin"],
        ),
    ] {
        for scope in scopes {
            let principal = with_scopes(&[scope]);
            for demand in demands() {
                let object = demand.object.map_or("*", Object::as_str);
                let access = demand.access.map_or("*", Access::as_str);
                let expected = (objects.contains(&"*") || objects.contains(&object))
                    && accesses.contains(&access);
                assert_eq!(
                    policy("").grants(&principal, demand),
                    expected,
                    "{scope} {demand}"
                );
            }
        }
    }
    let known: Vec<String> = {
        let policy = policy("");
        policy
            .granting(permission("run:read"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        known.len(),
        14,
        "every scope of the table but model:promote and gateway:use: {known:?}"
    );
}

#[test]
fn what_grants_nothing() {
    for scopes in [
        &[][..],
        &[""],
        &["unknown"],
        &["*"],
        &["*:*"],
        &["run:write"],
        &["ADMIN"],
        &["Admin"],
        &[" admin"],
        &["admin "],
        &["read,admin"],
        &["model:read admin"],
        &["mlflow:admin:x"],
    ] {
        let principal = with_scopes(scopes);
        for demand in demands() {
            assert!(
                !policy("").grants(&principal, demand),
                "{scopes:?} {demand}"
            );
        }
    }
}

#[test]
fn scopes_add_up() {
    let table = policy("");
    for (scopes, demand, granted) in [
        (&["model:read", "model:read"][..], "run:read", true),
        (&["model:read", "model:read"], "run:write", false),
        (&["unknown", "", "tracking:write"], "run:write", true),
        (
            &["tracking:write", "model:promote"],
            "registered_model:promote",
            true,
        ),
        (
            &["tracking:write", "model:promote"],
            "registered_model:write",
            false,
        ),
        // Two scopes for parts do not make one for the whole.
        (
            &["model:write", "model:delete", "gateway:use"],
            "*:read",
            false,
        ),
        (&["model:register"], "*:read", false),
        (&["mlflow:write"], "*:admin", false),
    ] {
        assert_eq!(
            table.grants(&with_scopes(scopes), permission(demand)),
            granted,
            "{scopes:?} {demand}"
        );
    }
}

#[test]
fn configured_scopes_replace_entries_one_by_one() {
    let table = policy(
        r#", "scopes": {"model:write": ["run:write"], "new": ["*:use", "job:*"], "read": []}"#,
    );
    for (scope, demand, granted) in [
        ("model:write", "run:write", true),
        ("model:write", "run:read", false),
        ("model:write", "registered_model:write", false),
        ("new", "scorer:use", true),
        ("new", "*:use", true),
        ("new", "job:admin", true),
        ("new", "job:delete", true),
        ("new", "run:read", false),
        ("read", "run:read", false),
        // The rest of the default table stays.
        ("mlflow:read", "run:read", true),
        ("model:delete", "run:delete", true),
    ] {
        let principal = with_scopes(&[scope]);
        assert_eq!(
            table.grants(&principal, permission(demand)),
            granted,
            "{scope} {demand}"
        );
    }
}

#[test]
fn roles_are_a_table_of_their_own() {
    let table = policy(r#", "roles": {"registry-admin": ["*:*"], "viewer": ["run:read"]}"#);
    for (principal, demand, granted) in [
        (with_roles(&["registry-admin"]), "*:admin", true),
        (with_roles(&["viewer"]), "run:read", true),
        (with_roles(&["viewer"]), "run:write", false),
        (with_roles(&["other", "viewer"]), "run:read", true),
        // No default table for roles, and neither word counts in the other's place.
        (with_roles(&["admin"]), "run:read", false),
        (with_roles(&["mlflow:admin"]), "run:read", false),
        (with_scopes(&["registry-admin"]), "run:read", false),
    ] {
        assert_eq!(
            table.grants(&principal, permission(demand)),
            granted,
            "{principal:?} {demand}"
        );
    }
}

#[test]
fn an_admin_may_everything() {
    let admin = Principal {
        is_admin: true,
        ..Principal::default()
    };
    let table = policy(r#", "scopes": {"admin": []}"#);
    assert!(
        demands()
            .into_iter()
            .all(|demand| table.grants(&admin, demand))
    );
}

#[test]
fn granting_scopes_come_narrowest_first_and_at_most_five() {
    for (more, demand, expected) in [
        (
            "",
            "registered_model:write",
            &[
                "model:register",
                "model:write",
                "mlflow:write",
                "write",
                "admin",
            ][..],
        ),
        (
            "",
            "run:write",
            &[
                "tracking:write",
                "model:register",
                "model:write",
                "mlflow:write",
                "write",
            ],
        ),
        (
            "",
            "gateway:use",
            &["gateway:use", "admin", "full_access", "mlflow:admin"],
        ),
        ("", "*:admin", &["admin", "full_access", "mlflow:admin"]),
        // Who lacks a read is told of scopes that only read.
        (
            "",
            "run:read",
            &[
                "mlflow:access",
                "mlflow:read",
                "model:read",
                "read",
                "tracking:write",
            ],
        ),
        (
            "",
            "*:read",
            &[
                "mlflow:access",
                "mlflow:read",
                "model:read",
                "read",
                "mlflow:delete",
            ],
        ),
        (
            r#", "scopes": {"one": ["run:write"]}"#,
            "run:write",
            &[
                "one",
                "tracking:write",
                "model:register",
                "model:write",
                "mlflow:write",
            ],
        ),
        (
            r#", "scopes": {"admin": [], "mlflow:admin": [], "full_access": []}"#,
            "user:admin",
            &[],
        ),
    ] {
        assert_eq!(
            policy(more).scopes_to_ask_for(None, None, permission(demand)),
            expected,
            "{more} {demand}"
        );
    }
    assert_eq!(
        policy("")
            .granting(permission("registered_model:write"))
            .count(),
        7
    );
}

/// What an override says of a scope takes the place of all that the configuration says of it.
#[test]
fn an_override_lets_a_scope_search_again() {
    let text = least_and(
        r#", "scopes": {"team": {"permissions": ["run:read"], "searches": false}},
            "overrides": [{"scopes": {"team": ["run:read"]}}]"#,
    );
    let config = Config::parse(text.as_bytes()).unwrap();
    let over = config.overrides[0].scopes.as_ref().unwrap();
    let principal = Principal {
        grants: vec![Grant {
            scope: "team".to_owned(),
            names: Some(vec!["acme-*".to_owned()]),
            workspaces: None,
        }],
        ..Principal::default()
    };
    let read = "run:read".parse().unwrap();
    for (policy, patterns) in [
        (Policy::new(&config), 0),
        (Policy::with_scopes(&config, over), 1),
    ] {
        assert_eq!(
            everywhere(&policy, &principal)
                .name_patterns(read, true)
                .len(),
            patterns
        );
        assert_eq!(
            everywhere(&policy, &principal)
                .name_patterns(read, false)
                .len(),
            1
        );
    }
}
