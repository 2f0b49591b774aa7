//! Extensions: objects that name their type.

use super::super::place::Place;

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
    let mut found = Vec::new();
    collect(place, &mut found);
    found
}

/// Every extension of a type at or below a place.
pub fn all<'a>(place: &Place<'a>, name: &str) -> Vec<Place<'a>> {
    let found = below(place).into_iter().filter(|typed| typed.is(name));
    found.map(|typed| typed.body).collect()
}

/// Whether a field is true anywhere at or below a place.
pub fn any_field(place: &Place<'_>, name: &str) -> bool {
    place.is_true(name)
        || place.fields().any(|(_, field)| any_field(&field, name))
        || place.items().any(|item| any_field(&item, name))
}

/// What routes tell filters, at or below a place: by the name of the filter.
pub fn overrides<'a>(place: &Place<'a>) -> Vec<(&'a str, Place<'a>)> {
    let own = place.get("typed_per_filter_config");
    let mut found: Vec<(&'a str, Place<'a>)> = own.iter().flat_map(Place::fields).collect();
    found.extend(place.fields().flat_map(|(_, field)| overrides(&field)));
    found.extend(place.items().flat_map(|item| overrides(&item)));
    found
}

fn collect<'a>(place: &Place<'a>, found: &mut Vec<Typed<'a>>) {
    found.extend(Typed::read(place));
    place.fields().for_each(|(_, field)| collect(&field, found));
    place.items().for_each(|item| collect(&item, found));
}
