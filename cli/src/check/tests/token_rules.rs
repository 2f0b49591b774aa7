//! For which requests tokens are verified, and whom Envoy refuses before the filter.

use super::verification::{GOOD, HEADERS, JWT, OURS, jwt_authn_with};
use super::{Found, assert_edits};

const PROVIDER: &str = "{ provider_name: corp }";
const OPEN: &str = "{ allow_missing_or_failed: {} }";
const MISSING: &str = "{ allow_missing: {} }";

fn any(requirements: &[&str]) -> String {
    format!(
        "{{ requires_any: {{ requirements: [{}] }} }}",
        requirements.join(", ")
    )
}

fn rule(matched: &str, requires: &str) -> String {
    format!("{{ match: {{ {matched} }}, requires: {requires} }}")
}

/// envoy.yaml, whose mount is /api/mlflow, with the rules of a `jwt_authn` before the filter.
fn found(rules: &str, expected: &[Found<'_>]) {
    let filter = jwt_authn_with(&format!("{GOOD}{HEADERS}"), rules, OURS);
    assert_edits(&[(&[JWT, (OURS, &filter)], expected)]);
}

#[test]
fn which_requests_have_their_tokens_verified() {
    const NOBODY: &[Found<'_>] = &[("jwt-unverified", "jwt")];
    let open = any(&[PROVIDER, OPEN]);
    let rest = rule("prefix: /", &open);
    for rules in [
        rest.clone(),
        rule("prefix: /api/mlflow", &open),
        rule("prefix: /api/mlflow/", &open),
        rule("path_separated_prefix: /api/mlflow", &open),
        rule("pathSeparatedPrefix: /api", &open),
        // Another path, and parts of the mount that are verified, too.
        format!("{{ match: {{ prefix: /other }} }}, {rest}"),
        format!("{{ match: {{ path: /api }} }}, {rest}"),
        format!("{}, {rest}", rule("prefix: /api/mlflow/api/", &open)),
        // All providers are verified where nobody is required.
        rule("prefix: /", OPEN),
        rule(
            "prefix: /",
            &any(&[
                "{ provider_and_audiences: { provider_name: corp, audiences: [a] } }",
                OPEN,
            ]),
        ),
        rule(
            "prefix: /",
            &any(&[
                "{ requires_all: { requirements: [{ provider_name: corp }, { allow_missing: {} }] } }",
                OPEN,
            ]),
        ),
    ] {
        found(&rules, &[]);
    }
    for rules in [
        String::new(),
        "{ match: { prefix: / } }".to_owned(),
        rule("prefix: /other", &open),
        rule("prefix: /api/mlflow/api/", &open),
        rule("path: /api/mlflow", &open),
        format!("{{ match: {{ prefix: / }} }}, {rest}"),
        rule(
            "prefix: /",
            &any(&["{ provider_name: another }", "{ provider_name: third }"]),
        ),
        "{ match: { prefix: / }, requirement_name: nothing }".to_owned(),
    ] {
        found(&rules, NOBODY);
    }
    for rules in [
        rule(
            "prefix: /, headers: [{ name: authorization, present_match: true }]",
            &open,
        ),
        rule("safe_regex: { regex: /api/.* }", &open),
        format!("{{ match: {{ prefix: /api/mlflow/health }} }}, {rest}"),
        format!("{{ match: {{ prefix: /, headers: [{{ name: x-no-token }}] }} }}, {rest}"),
    ] {
        found(&rules, &[("cannot-tell", "rules[0].match")]);
    }
}

#[test]
fn a_requirement_may_have_a_name() {
    let rules = "{ match: { prefix: / }, requirement_name: open }]\n              \
                 requirement_map: { open: { requires_any: { requirements: [{ provider_name: corp }, { allow_missing_or_failed: {} }] } } }\n              \
                 filter_state_rules: [";
    found(rules, &[]);
    let rules = rules.replace("{ allow_missing_or_failed: {} }", "{ provider_name: corp }");
    found(&rules, &[("jwt-required", "requirement_map.open")]);
}

/// The sample validates keys, too.
#[test]
fn whom_envoy_refuses_before_the_filter() {
    for (requires, refuses) in [
        (PROVIDER.to_owned(), true),
        (any(&[PROVIDER, PROVIDER]), true),
        (any(&[PROVIDER, OPEN]), false),
        (any(&[PROVIDER, MISSING]), false),
        (
            "{ requires_all: { requirements: [{ provider_name: corp }, { allow_missing: {} }] } }"
                .to_owned(),
            true,
        ),
    ] {
        let expected: &[Found<'_>] = if refuses {
            &[("jwt-required", "rules[0].requires")]
        } else {
            &[]
        };
        found(&rule("prefix: /", &requires), expected);
    }
}

/// Since 1.37 Envoy can leave the claims of tokens that nobody verified.
#[test]
fn claims_that_nobody_verified() {
    const UNVERIFIED: &str = "{ extract_only_without_validation: {} }";
    for (requires, place) in [
        (
            UNVERIFIED.to_owned(),
            "rules[0].requires.extract_only_without_validation",
        ),
        (
            any(&[PROVIDER, UNVERIFIED]),
            "rules[0].requires.requires_any.requirements[1].extract_only_without_validation",
        ),
    ] {
        let filter = jwt_authn_with(
            &format!("{GOOD}{HEADERS}"),
            &rule("prefix: /", &requires),
            OURS,
        );
        let codes = super::codes(&super::sample(&[JWT, (OURS, &filter)]));
        let is_it = |found: &String| found.starts_with("jwt-unverified ") && found.ends_with(place);
        assert!(codes.iter().any(is_it), "{codes:?}");
    }
}

#[test]
fn what_a_route_says_in_place_of_the_rules() {
    let filter = jwt_authn_with(
        &format!("{GOOD}{HEADERS}"),
        &rule("prefix: /", &any(&[PROVIDER, OPEN])),
        OURS,
    );
    let text = super::sample(&[JWT, (OURS, &filter)]);
    let routes = "            virtual_hosts:\n";
    assert_eq!(text.matches(routes).count(), 1);
    let off = format!(
        "            typed_per_filter_config:\n              envoy.filters.http.jwt_authn:\n                \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig\n                disabled: true\n{routes}"
    );
    let codes = super::codes(&text.replace(routes, &off));
    let is_it = |found: &String| {
        found.starts_with("cannot-tell ") && found.ends_with("envoy.filters.http.jwt_authn")
    };
    assert!(codes.iter().any(is_it), "{codes:?}");
}
