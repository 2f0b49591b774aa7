//! What the rules about manifests are made of: paths, hosts, endpoints. The rules are tested in
//! tests/module/test_check_manifests.py and tests/module/test_check_gateway.py, over the shipped manifests.

use mlflow_authz::pattern::Pattern;

use super::super::hosts::{are_covered, in_common, may_match};
use super::super::manifests::endpoint::{Endpoint, Sameness, canonical};
use super::super::manifests::path::{Agreement, Fit, PathRule, Rewrite};

fn mounts(mounts: &[&str]) -> Vec<String> {
    mounts.iter().map(|mount| (*mount).to_owned()).collect()
}

#[test]
fn a_rule_is_inside_where_every_path_of_it_is() {
    use PathRule::{Exact, Prefix, Regex, Segments};
    let one = mounts(&["/api/mlflow"]);
    for (rule, inside) in [
        (Prefix("/api/mlflow/"), true),
        (Prefix("/api/mlflow/api/"), true),
        (Prefix("/api/mlflow"), false),
        (Prefix("/api/mlflowX/"), false),
        (Prefix("/api/"), false),
        (Prefix("/"), false),
        (Prefix("/API/mlflow/"), false),
        (Prefix("/api/mlflow//x"), false),
        (Prefix("/api/mlflow/../x/"), false),
        (Prefix("/api/mlflow/%2e%2e/"), false),
        (Segments("/api/mlflow"), true),
        (Segments("/api/mlflow/x"), true),
        (Segments("/api"), false),
        (Exact("/api/mlflow"), true),
        (Exact("/api/mlflow/x"), true),
        (Exact("/x"), false),
        (Regex("/api/mlflow/.*"), false),
        (PathRule::Unknown, false),
    ] {
        assert_eq!(rule.fit(&one) == Fit::Inside, inside, "{rule:?}");
        assert_eq!(rule.fit(&mounts(&["/x/y", "/"])), Fit::Inside, "{rule:?}");
    }
}

#[test]
fn mlflow_gets_the_path_that_was_decided_about() {
    use PathRule::{Exact, Prefix, Segments};
    let static_prefix = |prefix: &str| Agreement::StaticPrefix(prefix.to_owned());
    for (mount, rule, rewrite, expected) in [
        ("/m", Prefix("/m/"), Rewrite::Prefix("/"), Agreement::Agree),
        ("/m", Segments("/m"), Rewrite::Prefix("/"), Agreement::Agree),
        ("/m", Exact("/m"), Rewrite::Full("/"), Agreement::Agree),
        ("/m", Prefix("/m/"), Rewrite::Kept, Agreement::Agree),
        (
            "/m",
            Prefix("/m/x/"),
            Rewrite::Prefix("/x/"),
            Agreement::Agree,
        ),
        ("/", Prefix("/"), Rewrite::Kept, Agreement::Agree),
        (
            "/m",
            Prefix("/m/x/"),
            Rewrite::Prefix("/"),
            Agreement::Differ,
        ),
        (
            "/m",
            Prefix("/m/"),
            Rewrite::Prefix("/p"),
            Agreement::Differ,
        ),
        (
            "/m",
            Prefix("/m/"),
            Rewrite::Prefix("/p/"),
            static_prefix("/p"),
        ),
        (
            "/m",
            Prefix("/m/x/"),
            Rewrite::Prefix("/p/x/"),
            static_prefix("/p"),
        ),
        (
            "/m",
            Prefix("/m/x/"),
            Rewrite::Prefix("/px/"),
            Agreement::Differ,
        ),
        (
            "/m",
            Prefix("/m/"),
            Rewrite::Prefix("/api/2.0/mlflow/"),
            Agreement::Differ,
        ),
        (
            "/m",
            Prefix("/m/"),
            Rewrite::Prefix("/gateway/"),
            Agreement::Differ,
        ),
        ("/m", Prefix("/m/"), Rewrite::Full("/"), Agreement::Differ),
        ("/m", Exact("/m/x"), Rewrite::Full("/"), Agreement::Differ),
        ("/m", Prefix("/m/"), Rewrite::Unknown, Agreement::Differ),
        ("/", Prefix("/m/"), Rewrite::Prefix("/"), Agreement::Differ),
        (
            "/m",
            PathRule::Regex("/m/.*"),
            Rewrite::Prefix("/"),
            Agreement::Differ,
        ),
    ] {
        assert_eq!(
            rule.agreement(&rewrite, &mounts(&[mount])),
            expected,
            "{mount} {rule:?} {rewrite:?}"
        );
    }
}

#[test]
fn hosts_are_covered_where_every_name_is() {
    for (pattern, host, covered, meets) in [
        ("mlflow.internal", "mlflow.internal", true, true),
        ("mlflow.internal", "MLflow.internal:8443", true, true),
        ("mlflow.internal", "other.internal", false, false),
        ("mlflow.internal", "*", false, true),
        ("mlflow.internal", "*.internal", false, true),
        ("mlflow.internal", "*.corp", false, false),
        ("*.internal", "*.internal", true, true),
        ("?.internal", "*.internal", false, true),
        ("*", "*", true, true),
        ("*.internal", "internal", false, false),
    ] {
        let patterns = [Pattern::new(pattern)];
        assert_eq!(are_covered(&patterns, host), covered, "{pattern} {host}");
        assert_eq!(may_match(&patterns, host), meets, "{pattern} {host}");
    }
}

#[test]
fn hosts_in_common() {
    for (a, b, expected) in [
        (&["a.b"][..], &["*"][..], Some(&["a.b"][..])),
        (&["*.b"], &["a.b", "a.c"], Some(&["a.b"])),
        (&["*"], &["*"], Some(&["*"])),
        (&[], &["a.b"], Some(&["a.b"])),
        (&["a.b"], &["a.c"], None),
        (&["*.b"], &["b"], None),
    ] {
        let found = in_common(&mounts(a), &mounts(b));
        assert_eq!(found, expected.map(mounts), "{a:?} {b:?}");
    }
}

#[test]
fn one_host_has_one_name() {
    for (host, expected) in [
        ("mlflow", "mlflow.ns"),
        ("mlflow.ml", "mlflow.ml"),
        ("mlflow.ml.svc", "mlflow.ml"),
        ("MLflow.ml.svc.cluster.local.", "mlflow.ml"),
        ("mlflow.ml.svc.other.domain", "mlflow.ml"),
        ("mlflow.corp.internal", "mlflow.corp.internal"),
    ] {
        assert_eq!(canonical(host, "ns"), expected, "{host}");
    }
    let host = |host: &str, port| Endpoint::Host {
        host: host.to_owned(),
        port,
    };
    let mlflow = host("mlflow.ml", Some(5000));
    for (other, expected) in [
        (host("mlflow.ml", Some(5000)), Sameness::Same),
        (host("mlflow.ml", None), Sameness::Same),
        (host("mlflow.ml", Some(5001)), Sameness::CannotTell),
        (host("shop.ml", Some(5000)), Sameness::No),
        (
            Endpoint::Unknown("Backend a/b".to_owned()),
            Sameness::CannotTell,
        ),
        (Endpoint::Any, Sameness::Same),
    ] {
        assert_eq!(mlflow.compare(&other), expected, "{other:?}");
    }
}
