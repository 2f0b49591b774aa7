//! Path templates as segments: how they are read, compared and matched.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// Exactly this text.
    Static(&'a str),
    /// One segment with this beginning and this end.
    One { prefix: &'a str, suffix: &'a str },
    /// Any number of segments.
    Any,
}

impl Segment<'_> {
    /// Whether some text is both. Of two with a beginning and an end, it is taken to be so.
    pub(super) fn fits(&self, other: &Segment<'_>) -> bool {
        match (self, other) {
            (Segment::Static(x), Segment::Static(y)) => x == y,
            (Segment::Static(text), one) | (one, Segment::Static(text)) => accepts(one, text),
            _ => true,
        }
    }
}

/// Of a path in two parts, the first of which may be empty.
pub(super) fn segments<'a>(
    prefix: &'a str,
    template: &'a str,
) -> impl Iterator<Item = Segment<'a>> {
    let outer = prefix.split('/').filter(|text| !text.is_empty());
    let inner = template.strip_prefix('/').unwrap_or(template).split('/');
    outer.chain(inner).map(segment)
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

/// Puts a segment behind a matchit route, a parameter named by its place.
pub(super) fn push(key: &mut String, segment: Segment<'_>, index: usize) {
    key.push('/');
    match segment {
        Segment::Static(text) => key.push_str(text),
        Segment::One { prefix, suffix } => {
            key.push_str(prefix);
            key.push_str("{p");
            key.push_str(&index.to_string());
            key.push('}');
            key.push_str(suffix);
        }
        Segment::Any => key.push_str(REST),
    }
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
