//! Extensions: objects that name their type.

use super::super::place::Place;

/// The filter that writes headers, before the router or behind it.
pub const HEADER_MUTATION: &str = "filters.http.header_mutation.v3.HeaderMutation";

/// The filter that writes Envoy's own credential into a request.
pub const CREDENTIAL_INJECTOR: &str = "filters.http.credential_injector.v3.CredentialInjector";

/// The upstream filter that sends the request.
pub const UPSTREAM_CODEC: &str = "filters.http.upstream_codec.v3.UpstreamCodec";

/// An extension, out of its `TypedStruct` where it stands in one.
#[derive(Debug, Clone)]
pub struct Typed<'a> {
    kind: &'a str,
    pub body: Place<'a>,
}

impl<'a> Typed<'a> {
    /// Reads an object with `@type`.
    pub fn read(place: &Place<'a>) -> Option<Self> {
        let kind = place.text_of("@type")?;
        if !kind.ends_with(".TypedStruct") {
            return Some(Self {
                kind,
                body: place.clone(),
            });
        }
        let kind = place.text_of("type_url")?;
        Some(Self {
            kind,
            body: place.get("value")?,
        })
    }

    /// Reads the `typed_config` of what holds one.
    pub fn of(holder: &Place<'a>) -> Option<Self> {
        Self::read(&holder.get("typed_config")?)
    }

    /// Whether it is of a type, by the end of the type's full name.
    pub fn is(&self, name: &str) -> bool {
        let kind = self.kind.rsplit('/').next().unwrap_or_default();
        kind == name
            || kind
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

/// Every extension at or below a place.
pub fn below<'a>(place: &Place<'a>) -> Vec<Typed<'a>> {
    place
        .descendants()
        .filter_map(|place| Typed::read(&place))
        .collect()
}

/// Every extension of a type at or below a place.
pub fn all<'a>(place: &Place<'a>, name: &str) -> Vec<Place<'a>> {
    let found = below(place).into_iter().filter(|typed| typed.is(name));
    found.map(|typed| typed.body).collect()
}

/// Whether a field is true anywhere at or below a place.
pub fn any_field(place: &Place<'_>, name: &str) -> bool {
    place.descendants().any(|place| place.is_true(name))
}

/// What routes tell filters, at or below a place: by the name of the filter.
pub fn overrides<'a>(place: &Place<'a>) -> Vec<(&'a str, Place<'a>)> {
    let levels = place
        .descendants()
        .filter_map(|place| place.get("typed_per_filter_config"));
    levels
        .flat_map(|level| level.fields().collect::<Vec<_>>())
        .collect()
}
