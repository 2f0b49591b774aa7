//! Path templates as segments: how they are read, compared and matched.

use std::collections::BTreeSet;

use crate::catalog::entry::Operation;

/// The last segment of a trie key that stands for whatever is behind a prefix.
pub(super) const REST: &str = "{*rest}";

/// One method of one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    pub(super) method: &'static str,
    pub(super) operation: &'static Operation,
}

/// A segment of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment<'a> {
    /// Exactly this text.
    Static(&'a str),
    /// One segment with this beginning and this end.
    One { prefix: &'a str, suffix: &'a str },
    /// Any number of segments.
    Any,
}

/// One path template with its methods.
pub(super) struct Template {
    pub(super) segments: Vec<Segment<'static>>,
    methods: &'static [&'static str],
    operation: &'static Operation,
}

impl Template {
    pub(super) fn of_operation(
        operation: &'static Operation,
    ) -> impl Iterator<Item = Self> + use<> {
        operation.routes.iter().flat_map(move |route| {
            route.prefixes().iter().map(move |prefix| Self {
                segments: segments(prefix, route.template),
                methods: route.methods,
                operation,
            })
        })
    }

    pub(super) fn served(&self) -> impl Iterator<Item = Served> + use<> {
        let operation = self.operation;
        let methods = self.methods.iter();
        methods.map(move |&method| Served { method, operation })
    }

    /// What stands before the first catch-all.
    pub(super) fn open_prefix(&self) -> Option<&[Segment<'static>]> {
        let index = self
            .segments
            .iter()
            .position(|segment| *segment == Segment::Any)?;
        self.segments.get(..index)
    }

    /// The open prefix this template continues with a parameter or catch-all, and what follows it.
    pub(super) fn tail_of(
        &self,
        prefixes: &BTreeSet<&[Segment<'static>]>,
    ) -> Option<(&[Segment<'static>], &[Segment<'static>])> {
        (0..self.segments.len()).find_map(|index| {
            let (prefix, tail) = self.segments.split_at_checked(index)?;
            let parameter = !matches!(tail.first(), None | Some(Segment::Static(_)));
            (parameter && prefixes.contains(prefix)).then_some((prefix, tail))
        })
    }
}

/// Of a path in two parts, the first of which may be empty.
pub(super) fn segments<'a>(prefix: &'a str, template: &'a str) -> Vec<Segment<'a>> {
    let outer = prefix.split('/').filter(|text| !text.is_empty());
    let inner = template.strip_prefix('/').unwrap_or(template).split('/');
    outer.chain(inner).map(segment).collect()
}

/// What stands before the first parameter or catch-all.
pub(super) fn fixed_prefix<'s, 'a>(segments: &'s [Segment<'a>]) -> &'s [Segment<'a>] {
    let parameter = |segment: &Segment<'_>| !matches!(segment, Segment::Static(_));
    let end = segments.iter().position(parameter);
    end.and_then(|end| segments.get(..end)).unwrap_or(segments)
}

fn segment(text: &str) -> Segment<'_> {
    let parameter = text.split_once('{').and_then(|(prefix, rest)| {
        rest.split_once('}')
            .map(|(name, suffix)| (prefix, name, suffix))
    });
    match parameter {
        None => Segment::Static(text),
        Some((_, name, _)) if name.starts_with('*') => Segment::Any,
        Some((prefix, _, suffix)) => Segment::One { prefix, suffix },
    }
}

/// The segments as a matchit route, with parameters named by their place.
pub(super) fn key(segments: &[Segment<'_>]) -> String {
    let mut key = String::new();
    for (index, segment) in segments.iter().enumerate() {
        key.push('/');
        match segment {
            Segment::Static(text) => key.push_str(text),
            Segment::One { prefix, suffix } => {
                key.push_str(prefix);
                key.push_str(&format!("{{p{index}}}"));
                key.push_str(suffix);
            }
            Segment::Any => key.push_str(REST),
        }
    }
    key
}

/// Whether a pattern matches all of a path without its leading slash. A catch-all takes at least one
/// segment, which may be empty.
///
/// When a match fails, only the last catch-all takes one segment more: what an earlier one could take
/// instead, the last one can take too. So the time is bounded by the product of the lengths.
pub(super) fn matches(pattern: &[Segment<'_>], path: &str) -> bool {
    let (mut pattern, mut path) = (pattern, path.split('/'));
    // What follows the last catch-all, and the path behind what that one has taken.
    let mut retry = None;
    loop {
        match (pattern.split_first(), path.next()) {
            (None, None) | (Some((Segment::Any, [])), Some(_)) => return true,
            (Some((Segment::Any, later)), Some(_)) => {
                retry = Some((later, path.clone()));
                pattern = later;
            }
            (Some((first, later)), Some(text)) if accepts(first, text) => pattern = later,
            (_, None) => return false,
            (_, Some(_)) => {
                let Some((later, mut behind)) = retry else {
                    return false;
                };
                behind.next();
                (pattern, path) = (later, behind.clone());
                retry = Some((later, behind));
            }
        }
    }
}

fn accepts(segment: &Segment<'_>, text: &str) -> bool {
    match segment {
        Segment::Static(expected) => *expected == text,
        Segment::One { prefix, suffix } => text
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix))
            .is_some_and(|value| !value.is_empty()),
        Segment::Any => true,
    }
}

/// Whether some path matches both. Prefixes and suffixes are taken to fit any parameter.
pub(super) fn overlap(a: &[Segment<'_>], b: &[Segment<'_>]) -> bool {
    match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (Some((Segment::Any, rest)), _) => anywhere(rest, b),
        (_, Some((Segment::Any, rest))) => anywhere(rest, a),
        (Some((first, a)), Some((second, b))) => {
            let fit = match (first, second) {
                (Segment::Static(x), Segment::Static(y)) => x == y,
                (Segment::Static(text), one) | (one, Segment::Static(text)) => accepts(one, text),
                _ => true,
            };
            fit && overlap(a, b)
        }
        _ => false,
    }
}

/// A catch-all takes at least one segment; what another one takes is not yet known.
fn anywhere(behind_any: &[Segment<'_>], other: &[Segment<'_>]) -> bool {
    let least = usize::from(other.first() != Some(&Segment::Any));
    (least..=other.len()).any(|skip| overlap(behind_any, other.get(skip..).unwrap_or_default()))
}
