//! Who writes identity and credential headers: nobody but the filter may.

use mlflow_authz::request::same_header;

use super::super::finding::Findings;
use super::super::headers::{self, credentials};
use super::super::place::{Place, snake};
use super::super::rules;
use super::managers::Manager;
use super::typed::{self, Typed};

/// The headers that the filter reads credentials from or writes identities into.
pub fn owned(manager: &Manager<'_>) -> Vec<String> {
    let mut owned: Vec<String> = credentials().map(str::to_owned).collect();
    for config in manager.configs() {
        owned.extend(headers::identity(config).map(str::to_owned));
    }
    owned
}

/// Whether a name is one of the identity headers that the configurations of a manager name.
pub fn is_identity(name: &str, manager: &Manager<'_>) -> bool {
    manager
        .configs()
        .any(|config| headers::is_identity(config, name))
}

/// Whether a name is one of these headers, or a part of the request that decides what it asks for.
fn matters(name: &str, owned: &[String]) -> bool {
    let name = name.as_bytes();
    name.starts_with(b":")
        || name.eq_ignore_ascii_case(b"host")
        || owned
            .iter()
            .any(|owned| same_header(owned.as_bytes(), name))
}

/// `request_headers_to_add` of a route, or of what is around it.
pub fn added(findings: &mut Findings, level: &Place<'_>, owned: &[String]) {
    for option in level.list("request_headers_to_add") {
        written(findings, &option, owned);
    }
}

/// `request_headers_to_remove` of a route, or of what is around it: after the filter has run.
pub fn removed(findings: &mut Findings, level: &Place<'_>, manager: &Manager<'_>) {
    for name in level.list("request_headers_to_remove") {
        let text = name.text().unwrap_or_default();
        if manager
            .configs()
            .any(|config| headers::is_needed(config, text))
        {
            let (problem, remedy) = headers::REMOVED;
            findings.add(rules::HEADER_REMOVED, &name, problem, remedy);
        }
    }
}

/// Every `HeaderValueOption` of a `HeaderMutation` filter or extension that is about requests.
pub fn mutations(findings: &mut Findings, body: &Place<'_>, owned: &[String]) {
    let inner = body.get("mutations");
    let lists = inner.iter().flat_map(|inner| {
        let mut list: Vec<Place<'_>> = inner.items().collect();
        list.extend(inner.list("request_mutations"));
        list
    });
    for mutation in lists {
        if let Some(option) = mutation.get("append") {
            written(findings, &option, owned);
        }
    }
    let query = inner.and_then(|inner| inner.get("query_parameter_mutations"));
    if let Some(query) = query {
        findings.add(
            rules::CANNOT_TELL,
            &query,
            "query parameters are rewritten, so check cannot tell whether MLflow gets what the filter decided about",
            "remove query_parameter_mutations",
        );
    }
}

/// Extensions that run before all filters, and what routes tell the `HeaderMutation` filter.
pub fn early(findings: &mut Findings, manager: &Manager<'_>) {
    if manager.instances().next().is_none() {
        return;
    }
    let owned = owned(manager);
    for extension in manager.place.list("early_header_mutation_extensions") {
        match Typed::of(&extension) {
            Some(typed) if typed.is("early_header_mutation.header_mutation.v3.HeaderMutation") => {
                mutations(findings, &typed.body, &owned);
            }
            _ => findings.add(
                rules::CANNOT_TELL,
                &extension,
                "check does not know which headers this extension writes before the filter runs",
                "remove it",
            ),
        }
    }
    for (_, overrides) in manager.tables.iter().flat_map(typed::overrides) {
        anywhere(findings, &overrides, &owned);
    }
    for per_route in manager.tables.iter().flat_map(|table| {
        typed::all(
            table,
            "filters.http.header_mutation.v3.HeaderMutationPerRoute",
        )
    }) {
        mutations(findings, &per_route, &owned);
    }
}

/// Whatever an extension adds to requests, on a condition or not.
pub fn anywhere(findings: &mut Findings, body: &Place<'_>, owned: &[String]) {
    for place in body.descendants() {
        for (key, field) in place.fields() {
            if snake(key).starts_with("request_headers_to_add") {
                field
                    .items()
                    .for_each(|option| written(findings, &option, owned));
            }
        }
    }
}

fn written(findings: &mut Findings, option: &Place<'_>, owned: &[String]) {
    let header = option.at(&["header", "key"]);
    let Some(name) = header.as_ref().and_then(|key| key.text()) else {
        return;
    };
    if matters(name, owned) {
        findings.add(
            rules::HEADER_WRITTEN,
            option,
            format!("Envoy writes {name} itself, in addition to the filter: MLflow then reads an identity that no key proves"),
            "remove it: only the filter may write identity and credential headers, the path, the method and the host",
        );
    }
}
