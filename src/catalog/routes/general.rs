//! The templates with a parameter or catch-all, found by what else could match their paths.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use super::template::{Segment, Served, Template, fixed_prefix, overlap};

/// By what stands before the first parameter: of two templates that some path fits, one begins with what
/// stands there in the other, so most templates are never compared. This is done anew in each VM.
pub(super) struct GeneralRules<'t> {
    by_start: BTreeMap<&'t [Segment<'static>], Vec<Ranked<'t>>>,
}

/// A template and its place in the table.
type Ranked<'t> = (usize, &'t Template);

impl<'t> GeneralRules<'t> {
    pub(super) fn of(templates: &'t [Template]) -> Self {
        let mut by_start: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, template) in templates.iter().enumerate() {
            let start = fixed_prefix(&template.segments);
            if start.len() < template.segments.len() {
                by_start.entry(start).or_default().push((index, template));
            }
        }
        Self { by_start }
    }

    /// Adds the methods that only a more general template serves: the strictest of those, or the first of
    /// equals.
    pub(super) fn fill(&self, here: &mut Vec<Served>, own: &[Segment<'static>]) {
        let mut added: BTreeMap<&'static str, Served> = BTreeMap::new();
        for served in self.overlapping(own).into_iter().flat_map(Template::served) {
            if here.iter().any(|own| own.method == served.method) {
                continue;
            }
            let stricter = |now: &Served| now.strictness() < served.strictness();
            if added.get(served.method).is_none_or(stricter) {
                added.insert(served.method, served);
            }
        }
        here.extend(added.into_values());
    }

    /// In the order of the table.
    fn overlapping(&self, own: &[Segment<'static>]) -> Vec<&'t Template> {
        let start = fixed_prefix(own);
        let shorter = (0..start.len()).filter_map(|end| self.by_start.get(start.get(..end)?));
        let from_here = (Bound::Included(start), Bound::Unbounded);
        let longer = self.by_start.range::<[Segment<'_>], _>(from_here);
        let longer = longer.take_while(|(other, _)| other.starts_with(start));
        let mut found: Vec<Ranked<'t>> = shorter
            .chain(longer.map(|(_, templates)| templates))
            .flatten()
            .filter(|(_, template)| overlap(own, &template.segments))
            .copied()
            .collect();
        found.sort_unstable_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, template)| template).collect()
    }
}
