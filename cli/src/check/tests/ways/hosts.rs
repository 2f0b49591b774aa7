//! `hosts`: which virtual hosts are MLflow's.

use super::super::{codes, sample};

/// The sample with `hosts`, and its virtual host at other domains.
fn served(hosts: &str, domains: &str) -> Vec<String> {
    let other = format!("              domains: [{domains}]\n");
    let text = sample(&[
        (
            "\"mounts\": [\"/api/mlflow\"]",
            &format!("\"mounts\": [\"/api/mlflow\"], \"hosts\": [{hosts}]"),
        ),
        ("              domains: [\"*\"]\n", &other),
    ]);
    codes(&text)
        .iter()
        .map(|found| found.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn domains_and_hosts() {
    for (hosts, domains, expected) in [
        ("\"registry.example\"", "registry.example", &[][..]),
        ("\"registry.example\"", "Registry.Example", &[]),
        ("\"registry.example\"", "\"registry.example:8443\"", &[]),
        (
            "\"registry.example\"",
            "registry.example, \"registry.example:*\"",
            &["outside-hosts"],
        ),
        (
            "\"*.example\"",
            "registry.example, \"*.registry.example\"",
            &[],
        ),
        ("\"*\"", "\"*\"", &[]),
        ("\"registry.example\"", "\"*\"", &["outside-hosts"]),
        (
            "\"registry.example\"",
            "registry.example, other.example",
            &["outside-hosts"],
        ),
        (
            "\"*.registry.example\"",
            "\"*.example\"",
            &["outside-hosts"],
        ),
        ("\"?.example\"", "\"*.example\"", &["outside-hosts"]),
        (
            "\"registry.example\", \"gone.example\"",
            "registry.example",
            &["host-unrouted"],
        ),
        (
            "\"gone.example\"",
            "registry.example",
            &["cannot-tell", "mounts-unrouted", "host-unrouted"],
        ),
    ] {
        let mut found = served(hosts, domains);
        found.sort();
        found.dedup();
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{hosts} {domains}");
    }
}

/// A gateway for several applications: what other hosts do is not MLflow's, unless they lead there.
#[test]
fn other_virtual_hosts() {
    const HOSTS: &str = "            virtual_hosts:\n";
    let with = |cluster: &str| {
        let other = format!(
            "{HOSTS}            - {{ name: web, domains: [web.example], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: {cluster} }} }}] }}\n"
        );
        codes(&sample(&[
            (
                "\"mounts\": [\"/api/mlflow\"]",
                "\"mounts\": [\"/\", \"/api/mlflow\"], \"hosts\": [\"registry.example\"]",
            ),
            (
                "              domains: [\"*\"]\n",
                "              domains: [registry.example]\n",
            ),
            (HOSTS, &other),
        ]))
    };
    assert_eq!(with("web"), [""; 0]);
    let found = with("mlflow");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("outside-hosts"), "{found:?}");
}

/// Envoy gives a host to the most specific domain of its table: what a wider one leads to is then not MLflow's.
#[test]
fn the_most_specific_domain() {
    const HOSTS: &str = "            virtual_hosts:\n";
    let told = |hosts: &str, own: &str, other: &str| {
        let web = format!(
            "{HOSTS}            - {{ name: web, domains: [{other}], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: web }} }}] }}\n"
        );
        let found = codes(&sample(&[
            (
                "\"mounts\": [\"/api/mlflow\"]",
                &format!("\"mounts\": [\"/api/mlflow\"], \"hosts\": [{hosts}]"),
            ),
            (
                "              domains: [\"*\"]\n",
                &format!("              domains: [{own}]\n"),
            ),
            (HOSTS, &web),
        ]));
        found.iter().any(|found| found.starts_with("outside-"))
    };
    for (hosts, own, other, expected) in [
        ("\"registry.example\"", "registry.example", "'*'", false),
        (
            "\"registry.example\"",
            "Registry.Example",
            "'*.example'",
            false,
        ),
        (
            "\"registry.example\"",
            "registry.example",
            "'registry.*'",
            false,
        ),
        ("\"registry.example\"", "'*.example'", "'*'", true),
        ("\"*.example\"", "'*.example'", "'*'", false),
        ("\"*.a.example\"", "'*.a.example'", "'*.example'", false),
        ("\"registry.*\"", "'registry.*'", "'*'", false),
        // Some hosts of the pattern come to the wider domain.
        ("\"*.example\"", "registry.example", "'*'", true),
        ("\"*example\"", "'*example'", "'*'", true),
        // The wider one is asked last only.
        ("\"registry.example\"", "'registry.*'", "'*.example'", true),
        // Another port of the host.
        (
            "\"registry.example\"",
            "'registry.example:8443'",
            "'*'",
            true,
        ),
    ] {
        assert_eq!(told(hosts, own, other), expected, "{hosts} {own} {other}");
    }
}

/// Without a decision where `outside` is "forward"; refused, and told all the same, where it is not.
#[test]
fn what_lies_outside() {
    const LAST: &str = "                redirect: { path_redirect: /api/mlflow/ }\n";
    let route = format!(
        "{LAST}              - {{ match: {{ prefix: / }}, route: {{ cluster: mlflow }} }}\n"
    );
    for (outside, expected) in [
        ("refuse", "outside-mounts"),
        ("forward", "outside-forwarded"),
    ] {
        let found = codes(&sample(&[
            (
                "\"mounts\": [\"/api/mlflow\"]",
                &format!("\"mounts\": [\"/api/mlflow\"], \"outside\": \"{outside}\""),
            ),
            (LAST, &route),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    }
}
