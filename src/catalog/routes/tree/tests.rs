use super::Tree;
use crate::catalog::entry::{Operation, Route, op, root};
use crate::catalog::object::{Access::Read, Object::Run};
use crate::catalog::operations;
use crate::catalog::routes::template::{Segment, segments};
use crate::catalog::routes::tests::matching::overlap;

fn is_static(segment: &Segment<'_>) -> bool {
    matches!(segment, Segment::Static(_))
}

/// What the tree finds beside a template, against a comparison of each with each other one.
fn agrees_with_comparing_all(operations: impl Iterator<Item = &'static Operation>) {
    let mut tree = Tree::default();
    let mut templates: Vec<Vec<Segment<'static>>> = Vec::new();
    for operation in operations {
        tree.insert(operation);
        for route in operation.routes {
            let paths = route.prefixes().iter();
            templates.extend(paths.map(|prefix| segments(prefix, route.template).collect()));
        }
    }
    let mut others = 0;
    for own in &templates {
        if own.contains(&Segment::Any) {
            continue;
        }
        let is_general =
            |other: &Vec<Segment<'_>>| !other.iter().all(is_static) && overlap(own, other);
        let places = (1..).zip(&templates).filter(|(_, other)| is_general(other));
        let expected: Vec<usize> = places.map(|(place, _)| place).collect();
        let mut rules = Vec::new();
        tree.overlapping(own, false, &mut rules);
        let mut found: Vec<usize> = rules.iter().map(|rule| rule.place).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, expected, "{own:?}");
        others += found.len() - usize::from(!own.iter().all(is_static));
    }
    assert!(others > 0, "some paths fit several templates");
}

#[test]
fn the_catalog_is_compared_as_a_whole() {
    agrees_with_comparing_all(operations());
}

/// Every template of up to three segments, of five kinds each.
#[test]
fn so_is_every_short_template() {
    let mut paths = Vec::new();
    let mut longest = vec![String::new()];
    for _ in 0..3 {
        let with_one_more = |path: &String| {
            let kinds = ["/t", "/u", "/{one}", "/t{one}", "/{*any}"];
            kinds.map(|kind| format!("{path}{kind}"))
        };
        longest = longest.iter().flat_map(with_one_more).collect();
        paths.extend(longest.iter().cloned());
    }
    assert_eq!(paths.len(), 5 + 25 + 125);
    agrees_with_comparing_all(paths.into_iter().map(|path| -> &'static Operation {
        let routes: &'static [Route] = vec![root(&["GET"], path.leak())].leak();
        Box::leak(Box::new(op("Some", Run, Read, "-", routes)))
    }));
}
