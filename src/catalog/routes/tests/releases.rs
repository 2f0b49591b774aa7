//! The trie holds the routes of all releases at once, and the filter does not know which one it stands
//! before: a path that another release's route takes must need no less than what the server does with it.

use super::matching::overlap;
use crate::catalog::entry::{Operation, Route, op, root};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Write},
    Object::{Experiment, Run, Trace},
};
use crate::catalog::release::{RELEASES, Release};
use crate::catalog::routes::template::{Segment, segments};

/// A path of a route, with one of its methods.
struct Served {
    operation: &'static Operation,
    route: &'static Route,
    method: &'static str,
    path: String,
    segments: Vec<Segment<'static>>,
}

fn served(operations: impl Iterator<Item = &'static Operation>) -> Vec<Served> {
    let mut all = Vec::new();
    for operation in operations {
        for route in operation.routes {
            for prefix in route.prefixes() {
                all.extend(route.methods.iter().map(|method| Served {
                    operation,
                    route,
                    method,
                    segments: segments(prefix, route.template).collect(),
                    path: format!("{prefix}{}", route.template),
                }));
            }
        }
    }
    all
}

/// Every pair of routes that some path fits, of which a release serves only the first, in words, unless
/// the second needs as much.
fn weaker(operations: impl Iterator<Item = &'static Operation>) -> Vec<String> {
    let all = served(operations);
    let mut found = Vec::new();
    for own in &all {
        for other in &all {
            if own.method != other.method
                || as_strict(other.operation, own.operation)
                || !overlap(&own.segments, &other.segments)
            {
                continue;
            }
            let alone = |release: &&Release| {
                own.route.is_served_by(**release) && !other.route.is_served_by(**release)
            };
            if let Some(release) = RELEASES.iter().find(alone) {
                found.push(format!(
                    "{release}: {} {} is {}:{}, and {} may take it with {}:{}",
                    own.method,
                    own.path,
                    own.operation.object,
                    own.operation.access,
                    other.path,
                    other.operation.object,
                    other.operation.access,
                ));
            }
        }
    }
    found
}

/// Whether whoever may do the one may do the other.
fn as_strict(operation: &Operation, other: &Operation) -> bool {
    operation.object == other.object && operation.access >= other.access
}

#[test]
fn no_route_of_another_release_is_weaker() {
    let found = weaker(crate::catalog::operations());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// `/things/purge` came in 3.2; before that it was a thing of that name.
static WEAKER: &[Operation] = &[
    op(
        "ReplaceThing",
        Run,
        Delete,
        "-",
        &[root(&["POST"], "/things/{id}")],
    ),
    op(
        "CountThings",
        Run,
        Read,
        "-",
        &[root(&["POST"], "/things/count").since(Release(3, 2, 0))],
    ),
    op(
        "PurgeThings",
        Run,
        Admin,
        "-",
        &[root(&["POST"], "/things/purge").since(Release(3, 2, 0))],
    ),
];

/// Another object is not less, but it is not as much either.
static OTHER_OBJECT: &[Operation] = &[
    op(
        "OldThing",
        Experiment,
        Write,
        "-",
        &[root(&["PUT"], "/things/{*path}").until(Release(3, 0, 0))],
    ),
    op(
        "NewThing",
        Trace,
        Write,
        "-",
        &[root(&["PUT"], "/things/{id}").since(Release(3, 0, 0))],
    ),
];

#[test]
fn a_weaker_route_would_be_found() {
    assert_eq!(
        weaker(WEAKER.iter()),
        ["1.30.1: POST /things/{id} is run:delete, and /things/count may take it with run:read"]
    );
    assert_eq!(
        weaker(OTHER_OBJECT.iter()),
        [
            "1.30.1: PUT /things/{*path} is experiment:write, \
             and /things/{id} may take it with trace:write",
            "3.0.1: PUT /things/{id} is trace:write, \
             and /things/{*path} may take it with experiment:write",
        ]
    );
}
