#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::GeneralRules;
use crate::catalog::entry::{Access::Read, Object::Run, Operation, Route, op, root};
use crate::catalog::operations;
use crate::catalog::routes::template::{Segment, Template, overlap};

/// What is found, against a comparison of each template with each other one; how many pairs there are.
fn agrees_with_comparing_all(templates: &[Template]) -> usize {
    let general = GeneralRules::of(templates);
    let mut total = 0;
    for own in templates {
        let expected: Vec<_> = templates
            .iter()
            .filter(|other| {
                let has_parameter = |s: &Segment<'_>| !matches!(s, Segment::Static(_));
                other.segments.iter().any(has_parameter) && overlap(&own.segments, &other.segments)
            })
            .map(std::ptr::from_ref)
            .collect();
        let found: Vec<_> = general
            .overlapping(&own.segments)
            .into_iter()
            .map(std::ptr::from_ref)
            .collect();
        assert_eq!(found, expected, "{:?}", own.segments);
        total += found
            .iter()
            .filter(|other| !std::ptr::eq(**other, own))
            .count();
    }
    total
}

#[test]
fn the_catalog_is_compared_as_a_whole() {
    let templates: Vec<Template> = operations().flat_map(Template::of_operation).collect();
    assert!(agrees_with_comparing_all(&templates) > 0);
}

/// Every template of up to three segments, of four kinds each.
#[test]
fn so_is_every_short_template() {
    let mut paths = vec![String::new()];
    let mut longest = paths.clone();
    for _ in 0..3 {
        let with_one_more = |path: &String| {
            let kinds = ["/t", "/u", "/{one}", "/t{one}", "/{*any}"];
            kinds.map(|kind| format!("{path}{kind}"))
        };
        longest = longest.iter().flat_map(with_one_more).collect();
        paths.extend(longest.iter().cloned());
    }
    let operation = |path: String| -> &'static Operation {
        let path: &'static str = path.leak();
        let routes: &'static [Route] = vec![root(&["GET"], path)].leak();
        Box::leak(Box::new(op("Some", Run, Read, "-", routes)))
    };
    let operations = paths.into_iter().skip(1).map(operation);
    let templates: Vec<Template> = operations.flat_map(Template::of_operation).collect();
    assert_eq!(templates.len(), 5 + 25 + 125);
    assert!(agrees_with_comparing_all(&templates) > 0);
}
