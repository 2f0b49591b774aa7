//! Patterns against paths, and templates against each other.

use super::{TAILS, check};
use crate::catalog::entry::{Operation, op, root};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Write},
    Object::Run,
};
use crate::catalog::routes::template::{Segment, matches};

/// `matches` against the plainest definition there is, over all short patterns and paths.
#[test]
fn matching_agrees_with_its_definition() {
    fn by_definition(pattern: &[Segment<'_>], path: &[&str]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some((Segment::Any, later)) => {
                (1..=path.len()).any(|taken| by_definition(later, &path[taken..]))
            }
            Some((Segment::Static(text), later)) => {
                path.first() == Some(text) && by_definition(later, &path[1..])
            }
            Some((Segment::One { .. }, later)) => {
                path.first().is_some_and(|text| !text.is_empty())
                    && by_definition(later, &path[1..])
            }
        }
    }
    let one = || Segment::One {
        prefix: "",
        suffix: "",
    };
    let kinds = [
        Segment::Any,
        one(),
        Segment::Static("t"),
        Segment::Static("u"),
    ];
    let texts = ["t", "u", ""];
    let digits = |mut number: usize, base: usize, length: usize| {
        let mut all = Vec::new();
        for _ in 0..length {
            all.push(number % base);
            number /= base;
        }
        all
    };
    for length in 1..=4_u32 {
        for number in 0..kinds.len().pow(length) {
            let pattern: Vec<Segment<'_>> = digits(number, kinds.len(), length as usize)
                .into_iter()
                .map(|index| kinds[index])
                .collect();
            for path_length in 1..=5_u32 {
                for number in 0..texts.len().pow(path_length) {
                    let path: Vec<&str> = digits(number, texts.len(), path_length as usize)
                        .into_iter()
                        .map(|index| texts[index])
                        .collect();
                    let (found, expected) = (
                        matches(&pattern, &path.join("/")),
                        by_definition(&pattern, &path),
                    );
                    assert_eq!(found, expected, "{pattern:?} on {path:?}");
                }
            }
        }
    }
}

/// A request's headers may hold 60 KiB: matching them must not take the square of that.
#[test]
fn long_paths_are_matched_in_one_go() {
    let path = format!("/mcp/a{}", "/versions".repeat(6_000));
    check(
        TAILS,
        &[("POST", &path, None), ("GET", &path, Some("GetVersion"))],
    );
}

/// Where several general rules serve a method that the exact path does not, the strictest decides, or the first of
/// equals.
#[test]
fn the_strictest_general_rule_fills_in() {
    static TABLE: &[Operation] = &[
        op("Exact", Run, Read, "-", &[root(&["GET"], "/a/b/c")]),
        op("Weak", Run, Read, "-", &[root(&["PUT"], "/a/b/{z}")]),
        op("Strong", Run, Admin, "-", &[root(&["PUT"], "/a/{y}/c")]),
        op("Later", Run, Admin, "-", &[root(&["PUT"], "/a/{y}/{z}")]),
        op("Middle", Run, Write, "-", &[root(&["PUT"], "/{x}/b/c")]),
        op(
            "Elsewhere",
            Run,
            Delete,
            "-",
            &[root(&["DELETE"], "/a/{y}/d")],
        ),
    ];
    check(
        TABLE,
        &[
            ("GET", "/a/b/c", Some("Exact")),
            ("PUT", "/a/b/c", Some("Strong")),
            ("DELETE", "/a/b/c", None),
        ],
    );
}

/// Whether some path matches both. Prefixes and suffixes are taken to fit any parameter.
pub(in crate::catalog::routes) fn overlap(a: &[Segment<'_>], b: &[Segment<'_>]) -> bool {
    match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (Some((Segment::Any, rest)), _) => anywhere(rest, b),
        (_, Some((Segment::Any, rest))) => anywhere(rest, a),
        (Some((first, a)), Some((second, b))) => first.fits(second) && overlap(a, b),
        _ => false,
    }
}

/// A catch-all takes at least one segment; what another one takes is not yet known.
fn anywhere(behind_any: &[Segment<'_>], other: &[Segment<'_>]) -> bool {
    let least = usize::from(other.first() != Some(&Segment::Any));
    (least..=other.len()).any(|skip| overlap(behind_any, other.get(skip..).unwrap_or_default()))
}
