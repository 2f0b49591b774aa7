//! Filters that come by ECDS.

use super::super::place::Place;
use super::typed::Typed;

/// A `TypedExtensionConfig` that a file of ECDS holds.
#[derive(Debug)]
pub struct Extension<'a> {
    name: &'a str,
    typed: Typed<'a>,
}

impl<'a> Extension<'a> {
    /// Reads one.
    pub fn read(typed: &Typed<'a>) -> Option<Self> {
        let named = typed.is("envoy.config.core.v3.TypedExtensionConfig");
        let name = named.then(|| typed.body.text_of("name"))??;
        let typed = Typed::of(&typed.body)?;
        Some(Self { name, typed })
    }

    /// What a filter with `config_discovery` runs until discovery delivers, and where it fails.
    pub fn until_delivered(filter: &Place<'a>) -> Option<Place<'a>> {
        filter.at(&["config_discovery", "default_config"])
    }

    /// A filter's own type and configuration, or what it gets by discovery.
    pub fn typed(filter: &Place<'a>, extensions: &[Self]) -> Option<Typed<'a>> {
        Typed::of(filter).or_else(|| Self::of(filter, extensions))
    }

    /// What a filter with `config_discovery` gets, if the files hold it.
    pub fn of(filter: &Place<'a>, extensions: &[Self]) -> Option<Typed<'a>> {
        filter.get("config_discovery")?;
        let name = filter.text_of("name")?;
        let found = extensions.iter().find(|extension| extension.name == name);
        found.map(|extension| extension.typed.clone())
    }
}
