//! Rules about Envoy files: a bootstrap, or what LDS, RDS, CDS and ECDS read, also inside an Istio `EnvoyFilter`.

mod clusters;
mod managers;
pub mod plugins;
mod routes;
mod stats;
pub mod typed;
mod vms;

pub use clusters::plain_text;
#[cfg(test)]
pub use stats::LABELS;

use self::clusters::Clusters;
use self::managers::{Extension, Manager};
use self::plugins::Plugin;
use self::typed::Typed;
use super::finding::Findings;
use super::input::{Document, Kind};
use super::place::Place;

/// Checks every Envoy file; returns how many instances of the filter there are.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) -> usize {
    let roots: Vec<&Place<'_>> = documents
        .iter()
        .filter(|document| document.kind != Kind::Plugin)
        .map(|document| &document.root)
        .collect();
    let typed: Vec<Typed<'_>> = roots.iter().flat_map(|root| typed::below(root)).collect();
    let plugins: Vec<Plugin<'_>> = typed
        .iter()
        .filter_map(plugins::of_filter)
        .map(|place| Plugin::check(findings, place))
        .collect();
    let extensions: Vec<Extension<'_>> = typed.iter().filter_map(extension).collect();
    let managers: Vec<Manager<'_>> = listeners(&roots, &typed)
        .iter()
        .flat_map(|listener| Manager::of_listener(listener, &extensions, &plugins))
        .collect();
    managers.iter().for_each(|manager| manager.check(findings));
    routes::check(findings, &managers, &typed);
    vms::check(findings, &typed, &plugins);
    if !plugins.is_empty() {
        stats::check(findings, &roots);
        Clusters::read(&roots, &typed).check(findings, &plugins);
    }
    plugins.len()
}

fn listeners<'a>(roots: &[&Place<'a>], typed: &[Typed<'a>]) -> Vec<Place<'a>> {
    let fixed = roots
        .iter()
        .filter_map(|root| root.at(&["static_resources", "listeners"]));
    let fixed = fixed.flat_map(|listeners| listeners.items().collect::<Vec<_>>());
    let discovered = typed
        .iter()
        .filter(|typed| typed.is("envoy.config.listener.v3.Listener"));
    // A listener in a bootstrap may name its type, too.
    let mut listeners: Vec<Place<'a>> = fixed.collect();
    for typed in discovered {
        if !listeners
            .iter()
            .any(|known| known.spot() == typed.body.spot())
        {
            listeners.push(typed.body.clone());
        }
    }
    listeners
}

fn extension<'a>(typed: &Typed<'a>) -> Option<Extension<'a>> {
    let named = typed.is("envoy.config.core.v3.TypedExtensionConfig");
    let name = named.then(|| typed.body.text_of("name"))??;
    let typed = Typed::read(&typed.body.get("typed_config")?)?;
    Some(Extension { name, typed })
}
