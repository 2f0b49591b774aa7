//! `EnvoyProxy`: what it changes in the proxies themselves.

use super::super::finding::Findings;
use super::super::manifests::object::Object;
use super::super::node::Node;
use super::super::patches;
use super::super::place::Place;
use super::super::rules;

/// Checks one.
pub fn check(findings: &mut Findings, proxy: &Object<'_>) {
    order(findings, proxy);
    if let Some(bootstrap) = proxy.spec.get("bootstrap") {
        self::bootstrap(findings, &bootstrap);
    }
    for argument in proxy.spec.list("extraArgs") {
        if argument.text().is_none_or(|text| text.contains("config")) {
            around(findings, &argument);
        }
    }
}

fn order(findings: &mut Findings, proxy: &Object<'_>) {
    let order = proxy.spec.list("filterOrder").into_iter();
    let ours = order.filter(|each| {
        each.fields()
            .any(|(_, name)| name.text().is_some_and(|it| it.contains("wasm")))
    });
    for place in ours {
        findings.add(
            rules::CANNOT_TELL,
            &place,
            "cannot tell what runs before and after the filter: the order of filters is changed",
            "leave the filter where Envoy Gateway puts it",
        );
    }
}

fn bootstrap(findings: &mut Findings, bootstrap: &Place<'_>) {
    if let Some(value) = bootstrap.get("value") {
        let merges = bootstrap.text_of("type") == Some("Merge");
        if !(merges && value.text().is_some_and(is_about_stats)) {
            around(findings, &value);
        }
    }
    for patch in bootstrap.list("jsonPatches") {
        if !is_known(&patch) {
            around(findings, &patch);
        }
    }
}

fn is_about_stats(text: &str) -> bool {
    Node::read_all(text).is_ok_and(|documents| {
        documents
            .iter()
            .all(|node| patches::is_about_stats(&Place::root("", None, node)))
    })
}

/// A patch about metrics, or one more cluster, which no route names.
fn is_known(patch: &Place<'_>) -> bool {
    let path = patch.text_of("path").unwrap_or_default();
    let first = path.split('/').nth(1).unwrap_or_default();
    let operation = patch.text_of("op").unwrap_or_default();
    let by_path = patch.get("jsonPath").is_some() || patch.get("from").is_some();
    let adds_cluster = operation == "add" && path == "/static_resources/clusters/-";
    !by_path && (patches::STATS.contains(&first) || adds_cluster)
}

fn around(findings: &mut Findings, place: &Place<'_>) {
    findings.add(
        rules::CANNOT_TELL,
        place,
        "cannot tell whether every request to MLflow still passes the filter: this changes the proxies' bootstrap, which \
         may add listeners",
        "look at the result with `egctl config`, and give that to check; or remove it",
    );
}
