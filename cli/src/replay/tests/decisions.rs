//! One record, one configuration: what is decided again, what stands, and what cannot be said.

use serde_json::{Value, json};

use super::{DEFAULTS, again, audit, nobody, with};

const CREATE: &str = "/api/2.0/mlflow/registered-models/create";

fn create(scopes: Value, decision: &str, reason: &str) -> Value {
    audit(json!({
        "method": "POST", "target": CREATE, "operation": "CreateRegisteredModel", "scopes": scopes,
        "decision": decision, "reason": reason,
    }))
}

#[test]
fn known_callers_are_decided_by_the_candidate() {
    let narrowed = with(json!({"scopes": {"model:write": ["run:read"]}}));
    let widened = with(json!({"scopes": {"model:read": ["*:read", "registered_model:write"]}}));
    let roles = with(json!({"roles": {"curator": ["*:*"]}}));
    let admin = audit(json!({"admin": true, "scopes": []}));
    let mut curator = create(json!([]), "deny", "scope_missing");
    curator["roles"] = json!(["curator"]);
    for (candidate, record, expected) in [
        (
            DEFAULTS,
            create(json!(["model:write"]), "allow", "allowed"),
            "allow allowed",
        ),
        (
            DEFAULTS,
            create(json!(["model:read"]), "deny", "scope_missing"),
            "deny scope_missing",
        ),
        (
            &narrowed,
            create(json!(["model:write"]), "allow", "allowed"),
            "deny scope_missing",
        ),
        (
            &widened,
            create(json!(["model:read"]), "deny", "scope_missing"),
            "allow allowed",
        ),
        (DEFAULTS, curator.clone(), "deny scope_missing"),
        (&roles, curator, "allow allowed"),
        (&narrowed, admin, "allow allowed"),
        // What shadow let through is decided as anything else.
        (
            DEFAULTS,
            create(json!(["model:read"]), "would_deny", "scope_missing"),
            "deny scope_missing",
        ),
        (
            &widened,
            create(json!(["model:read"]), "would_deny", "scope_missing"),
            "allow allowed",
        ),
    ] {
        assert_eq!(again(candidate, &record), expected, "{candidate} {record}");
    }
}

#[test]
fn unknown_endpoints_mounts_and_public_groups() {
    let unknown = audit(
        json!({"method": "POST", "target": "/api/9.9/new", "operation": null,
        "decision": "deny", "reason": "operation_unknown"}),
    );
    let mut by_admin = unknown.clone();
    by_admin["admin"] = json!(true);
    let elsewhere = with(json!({"mounts": ["/other"], "outside": "forward"}));
    let refusing = with(json!({"mounts": ["/other"]}));
    let private = with(json!({"public": []}));
    let ui = with(json!({"public": ["ui"]}));
    let health = nobody(json!({"target": "/health", "operation": "Health", "reason": "public"}));
    let page = nobody(json!({"target": "/", "decision": "deny", "reason": "credential_missing"}));
    for (candidate, record, expected) in [
        (DEFAULTS, unknown.clone(), "deny operation_unknown"),
        (DEFAULTS, by_admin, "allow allowed"),
        (&elsewhere, unknown.clone(), "allow outside"),
        (&refusing, unknown, "deny outside_mounts"),
        (DEFAULTS, health.clone(), "allow public"),
        // Nobody asked who the caller is: it is not for a replay to say whether they would pass.
        (&private, health, "caller_unknown"),
        (DEFAULTS, page.clone(), "deny credential_missing"),
        (&ui, page, "allow public"),
    ] {
        assert_eq!(again(candidate, &record), expected, "{candidate} {record}");
    }
}

#[test]
fn the_auth_services_word_stands() {
    let elsewhere = with(json!({"mounts": ["/other"], "outside": "forward"}));
    let widened = with(json!({"scopes": {"anything": ["*:*"]}}));
    for reason in [
        "credential_missing",
        "credential_malformed",
        "credential_ambiguous",
        "key_invalid",
        "key_refused",
        "rate_limited",
        "auth_unavailable",
        "overloaded",
    ] {
        let record = nobody(json!({"decision": "deny", "reason": reason}));
        assert_eq!(again(DEFAULTS, &record), format!("deny {reason}"));
        assert_eq!(again(&widened, &record), format!("deny {reason}"));
        assert_eq!(again(&elsewhere, &record), "allow outside", "{reason}");
        let health = nobody(json!({"decision": "deny", "reason": reason, "target": "/health"}));
        assert_eq!(again(DEFAULTS, &health), "allow public", "{reason}");
        // What a shadow let through, an enforcing candidate refuses.
        let shadowed = nobody(json!({"decision": "would_deny", "reason": reason}));
        assert_eq!(again(DEFAULTS, &shadowed), format!("deny {reason}"));
    }
}

#[test]
fn what_headers_and_queries_did_is_done_again() {
    let elsewhere = with(json!({"mounts": ["/other"], "outside": "forward"}));
    let preflight = nobody(json!({"method": "OPTIONS", "reason": "preflight"}));
    let ambiguous = |target| {
        nobody(json!({"target": target, "decision": "deny", "reason": "target_ambiguous"}))
    };
    for (candidate, record, expected) in [
        (DEFAULTS, preflight.clone(), "allow preflight"),
        (&elsewhere, preflight, "allow outside"),
        (DEFAULTS, ambiguous("/api/../x"), "deny target_ambiguous"),
        // The target is plain: a header, or the query, was not.
        (
            DEFAULTS,
            ambiguous("/api/2.0/mlflow/runs/get"),
            "deny target_ambiguous",
        ),
        (
            &elsewhere,
            ambiguous("/api/2.0/mlflow/runs/get"),
            "allow outside",
        ),
        (
            DEFAULTS,
            ambiguous("/api/\\xff\\\\"),
            "deny target_ambiguous",
        ),
    ] {
        assert_eq!(again(candidate, &record), expected, "{candidate} {record}");
    }
}

#[test]
fn graphql_that_is_switched_off_asks_nobody() {
    let off = with(json!({"graphql": "deny"}));
    let refused = nobody(
        json!({"method": "POST", "target": "/graphql", "operation": "GraphQL",
        "permission": null, "decision": "deny", "reason": "operation_unknown"}),
    );
    assert_eq!(again(&off, &refused), "deny operation_unknown");
    assert_eq!(again(DEFAULTS, &refused), "caller_unknown");
    let asked = audit(json!({"method": "POST", "target": "/graphql", "operation": "GraphQL"}));
    assert_eq!(again(DEFAULTS, &asked), "allow allowed");
    assert_eq!(again(&off, &asked), "deny operation_unknown");
}

#[test]
fn a_cut_target_and_an_impossible_caller_are_not_decided() {
    let long = |length: usize| audit(json!({"target": format!("/api/{}", "a".repeat(length - 5))}));
    assert_eq!(again(DEFAULTS, &long(1024)), "target_cut");
    assert_eq!(again(DEFAULTS, &long(1023)), "allow allowed");
    // An access log holds the whole target.
    let entry = json!({"method": "GET", "path": format!("/api/{}", "a".repeat(2000)),
        "authz": {"decision": "allow", "reason": "allowed", "scopes": ["model:read"], "roles": [], "admin": false}});
    let replay = super::replay(DEFAULTS, &[entry]);
    assert_eq!(
        (replay.tally.all.undecidable, replay.tally.all.refused_after),
        (0, 0)
    );
    for scopes in [
        json!({"a": 1}),
        json!([5]),
        json!("model:read"),
        json!(vec!["x".repeat(1024); 100]),
    ] {
        assert_eq!(
            again(DEFAULTS, &audit(json!({"scopes": scopes}))),
            "caller_impossible"
        );
    }
    // One such caller is nobody else's trouble.
    let impossible = |key| audit(json!({"scopes": [5], "key_id": format!("key_{key}")}));
    let mut lines: Vec<_> = (0..50).map(impossible).collect();
    lines.push(audit(json!({})));
    let found = super::replay(DEFAULTS, &lines).tally.all;
    assert_eq!(
        (found.requests, found.undecidable, found.refused_after),
        (51, 50, 0)
    );
}

#[test]
fn keys_and_where_they_stand_are_not_tried() {
    let strict = with(json!({"key_pattern": "hk_live_*", "credentials": ["x-api-key"]}));
    assert_eq!(again(&strict, &audit(json!({}))), "allow allowed");
}

#[test]
fn callers_are_told_apart_by_all_that_is_said_of_them() {
    let candidate = with(json!({"roles": {"curator": ["*:*"]}}));
    let denied = |fields: Value| {
        let mut record = create(json!([]), "deny", "scope_missing");
        record
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        record
    };
    // Every one has the key id of the one before.
    let lines = [
        denied(json!({})),
        denied(json!({"roles": ["curator"]})),
        denied(json!({"scopes": ["curator"]})),
        denied(json!({"admin": true})),
        denied(json!({"scopes": ["model:write"]})),
        denied(json!({"grants": [{"scope": "model:write", "names": ["*"]}]})),
    ];
    let found = super::replay(&candidate, &lines).tally.all;
    // The last one is limited to a name, and its body is not read: still refused, for another reason.
    assert_eq!((found.no_longer_denied, found.refused_after), (3, 3));
}

#[test]
fn a_candidate_that_refuses_less() {
    let denied = audit(json!({
        "method": "POST", "target": "/api/2.0/mlflow/runs/create", "operation": "CreateRun",
        "decision": "deny", "reason": "scope_missing",
    }));
    let keyless = nobody(json!({"decision": "deny", "reason": "credential_missing"}));
    let down = nobody(json!({"decision": "deny", "reason": "auth_unavailable"}));
    let deletes_first = json!([{"match": {"access": "delete"}, "mode": "enforce"}]);
    // The caller, key_1, is at 16 of 100.
    for (candidate, record, expected) in [
        (
            json!({"mode": "shadow"}),
            &denied,
            "would_deny scope_missing",
        ),
        (
            json!({"mode": "shadow"}),
            &keyless,
            "would_deny credential_missing",
        ),
        (
            json!({"mode": "shadow"}),
            &down,
            "would_deny auth_unavailable",
        ),
        (
            json!({"enforce_percent": 16}),
            &denied,
            "would_deny scope_missing",
        ),
        (
            json!({"enforce_percent": 17}),
            &denied,
            "deny scope_missing",
        ),
        (
            json!({"enforce_percent": 99}),
            &keyless,
            "would_deny credential_missing",
        ),
        (
            json!({"enforce_percent": 100}),
            &keyless,
            "deny credential_missing",
        ),
        (
            json!({"mode": "shadow", "overrides": deletes_first}),
            &denied,
            "would_deny scope_missing",
        ),
        (
            json!({"overrides": [{"match": {"host": "registry.example"}, "mode": "shadow"}]}),
            &denied,
            "would_deny scope_missing",
        ),
        (
            json!({"overrides": [{"match": {"object": "run"}, "scopes": {"model:read": ["run:write"]}}]}),
            &denied,
            "allow allowed",
        ),
        (
            json!({"overrides": [{"match": {"operation": "GetRun"}, "public": true}]}),
            &keyless,
            "allow public",
        ),
    ] {
        assert_eq!(
            again(&with(candidate.clone()), record),
            expected,
            "{candidate}"
        );
    }
    let would = audit(json!({
        "method": "POST", "target": "/api/2.0/mlflow/runs/create", "operation": "CreateRun",
        "decision": "would_deny", "reason": "scope_missing", "mode": "shadow",
    }));
    assert_eq!(again(DEFAULTS, &would), "deny scope_missing");
}
