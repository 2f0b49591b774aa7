//! What a bootstrap says beside listeners and clusters: where else they come from, and who reaches the admin port.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::listeners::is_on_this_machine;

/// Checks every bootstrap.
pub fn check(findings: &mut Findings, roots: &[&Place<'_>]) {
    for root in roots {
        dynamic(findings, root, roots);
        if let Some(address) = root.at(&["admin", "address"])
            && !is_on_this_machine(&address)
        {
            findings.add(
                rules::ADMIN_OPEN,
                &address,
                "other machines reach Envoy's admin port, which shows the plugin configuration and can stop Envoy",
                "bind it to 127.0.0.1",
            );
        }
    }
}

fn dynamic(findings: &mut Findings, root: &Place<'_>, roots: &[&Place<'_>]) {
    let Some(sources) = root.get("dynamic_resources") else {
        return;
    };
    for (name, what) in [
        ("lds_config", "listeners"),
        ("cds_config", "clusters"),
        ("ads_config", "listeners and clusters"),
    ] {
        let Some(source) = sources.get(name) else {
            continue;
        };
        if !is_given(&source, roots) {
            findings.add(
                rules::CANNOT_TELL,
                &source,
                format!("Envoy fetches {what} from elsewhere, so check cannot tell which routes lead to MLflow"),
                "check the files that they come from together with this one",
            );
        }
    }
}

/// Whether a source is a file that is checked too.
fn is_given(source: &Place<'_>, roots: &[&Place<'_>]) -> bool {
    let path = source
        .at(&["path_config_source", "path"])
        .or_else(|| source.get("path"))
        .and_then(|path| path.text());
    let name = path.and_then(|path| path.rsplit('/').next());
    name.is_some_and(|name| {
        roots.iter().any(|root| {
            root.get("resources").is_some() && root.file().rsplit('/').next() == Some(name)
        })
    })
}
