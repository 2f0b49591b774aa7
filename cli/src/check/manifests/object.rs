//! Kubernetes objects and how they refer to each other.

use std::collections::BTreeMap;

use super::super::input::{Document, Kind};
use super::super::place::Place;

/// Where an object without a namespace is.
const DEFAULT_NAMESPACE: &str = "default";

/// One object.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub root: Place<'a>,
    pub spec: Place<'a>,
}

impl<'a> Object<'a> {
    fn read(document: &Document<'a>) -> Option<Self> {
        let root = &document.root;
        let metadata = root.get("metadata");
        let of = |name: &str| {
            metadata
                .as_ref()
                .and_then(|metadata| metadata.text_of(name))
        };
        Some(Self {
            kind: root.text_of("kind")?,
            namespace: of("namespace").unwrap_or(DEFAULT_NAMESPACE),
            name: of("name").unwrap_or_default(),
            spec: root.get("spec")?,
            root: root.clone(),
        })
    }

    /// The group of the API, before the slash of `apiVersion`; empty for the core.
    pub fn group(&self) -> &'a str {
        let version = self.root.text_of("apiVersion").unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// `Kind namespace/name`.
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Every object of the given kinds.
pub fn of_kinds<'a>(documents: &[Document<'a>], kinds: &[&str]) -> Vec<Object<'a>> {
    documents
        .iter()
        .filter(|document| document.kind == Kind::Manifest)
        .filter_map(Object::read)
        .filter(|object| kinds.contains(&object.kind))
        .collect()
}

/// The object with that name.
pub fn find<'a, 'o>(
    objects: &'o [Object<'a>],
    namespace: &str,
    name: &str,
) -> Option<&'o Object<'a>> {
    objects
        .iter()
        .find(|object| object.namespace == namespace && object.name == name)
}

/// Labels, or a selector's `matchLabels`.
pub fn labels<'a>(place: Option<Place<'a>>) -> BTreeMap<&'a str, &'a str> {
    place
        .iter()
        .flat_map(Place::fields)
        .filter_map(|(name, value)| Some((name, value.text()?)))
        .collect()
}
