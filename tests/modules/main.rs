//! What the modules may not do: lead back to themselves, and allow a request anywhere but in `authorize`.
//!
//! No circles: of the children of any module, none leads back to itself by what it uses.
//! A module counts with all that is below it, what a module and one below it use of each other counts for nothing, and
//! a name that a module only passes on counts as a use of where it comes from. Test modules are left out.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sources::{Module, Source, paths_of, read_crate, rust_files, without_tests};

#[test]
fn no_module_leads_back_to_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for sources in ["src", "cli/src", "tools/auth-service/src"] {
        let circles = circles_of(&read_crate(&root.join(sources)));
        assert!(circles.is_empty(), "{sources}: {circles:?}");
    }
}

#[test]
fn requests_are_allowed_in_one_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let says_allowed = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a source");
        let is_of_tests = file
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        !is_of_tests && without_tests(&text).contains("Reason::Allowed")
    };
    let files = rust_files(&folder).into_iter().filter(says_allowed);
    let names = files.map(|file| file.strip_prefix(&folder).expect("below").to_owned());
    let names: BTreeSet<PathBuf> = names.collect();
    // The other one has no message for it.
    let expected = ["authorize.rs", "denial.rs"].map(PathBuf::from);
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn circles_are_found() {
    let source = |text: &str| Source {
        paths: paths_of(text),
    };
    let module = |path: &str| -> Module { path.split("::").map(str::to_owned).collect() };
    let crate_of = |files: &[(&str, &str)]| -> BTreeMap<Module, Source> {
        let named = files
            .iter()
            .map(|(path, text)| (module(path), source(text)));
        std::iter::once((Module::new(), source("")))
            .chain(named)
            .collect()
    };
    for (name, files, expected) in [
        (
            "one way",
            vec![("a", "use crate::b::X;"), ("b", "")],
            vec![],
        ),
        (
            "two files",
            vec![("a", "use crate::b::X;"), ("b", "fn f() { crate::a::g() }")],
            vec!["crate: a, b"],
        ),
        (
            "what is below counts",
            vec![
                ("a", ""),
                ("a::c", "use crate::{b::{Y, X}};"),
                ("b", "use super::a;"),
            ],
            vec!["crate: a, b"],
        ),
        (
            "three siblings",
            vec![
                ("a", ""),
                ("a::x", "use super::y::Y;"),
                ("a::y", "use crate::a::z;"),
                ("a::z", "use super::{x::X};"),
            ],
            vec!["crate::a: x, y, z"],
        ),
        (
            "by way of a name that the parent passes on",
            vec![
                ("a", "mod x; mod y; use x::X; pub use self::y::Y as Z;"),
                ("a::x", "use super::Z;"),
                ("a::y", "use super::X;"),
            ],
            vec!["crate::a: x, y"],
        ),
        (
            "parent and child",
            vec![("a", "use b::X;"), ("a::b", "use super::Y;")],
            vec![],
        ),
        (
            "comments and texts",
            vec![
                (
                    "a",
                    "// crate::b\n/// [`crate::b`]\nconst X: &str = \"crate::b\";",
                ),
                ("b", "use crate::a;"),
            ],
            vec![],
        ),
        (
            "a module of tests",
            vec![
                ("a", "use crate::b;"),
                ("b", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n"),
            ],
            vec![],
        ),
    ] {
        assert_eq!(circles_of(&crate_of(&files)), expected, "{name}");
    }
}

/// One line for each set of children that lead to each other.
fn circles_of(modules: &BTreeMap<Module, Source>) -> Vec<String> {
    let mut arrows: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for (from, source) in modules {
        for (path, _) in &source.paths {
            let Some(to) = resolved(modules, from, path, 0) else {
                continue;
            };
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                let siblings = arrows.entry(from[..common].to_vec()).or_default();
                siblings.insert((one.clone(), other.clone()));
            }
        }
    }
    let circles = arrows.iter().flat_map(|(parent, arrows)| {
        let mut path = vec!["crate".to_owned()];
        path.extend(parent.iter().cloned());
        let path = path.join("::");
        let in_circles = strongly_connected(arrows).into_iter();
        in_circles.map(move |circle| format!("{path}: {}", circle.join(", ")))
    });
    circles.collect()
}

/// The module that a path leads to, also by way of names that modules pass on.
fn resolved(
    modules: &BTreeMap<Module, Source>,
    from: &Module,
    path: &[String],
    passed_on: usize,
) -> Option<Module> {
    let mut at = from.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|it| it == "super") {
                at.pop()?;
                rest = &rest[1..];
            }
        }
        first => {
            at.push(first.to_owned());
            if !modules.contains_key(&at) {
                return None;
            }
            rest = &path[1..];
        }
    }
    while let Some((next, behind)) = rest.split_first() {
        at.push(next.clone());
        if !modules.contains_key(&at) {
            at.pop();
            // Not a module: perhaps a name that this one has from elsewhere.
            let source = modules.get(&at).filter(|_| passed_on < 8)?;
            let from_elsewhere = source
                .paths
                .iter()
                .find(|(path, name)| name == next && path.as_slice() != std::slice::from_ref(next));
            let origin =
                from_elsewhere.and_then(|(path, _)| resolved(modules, &at, path, passed_on + 1));
            return Some(origin.unwrap_or(at));
        }
        rest = behind;
    }
    Some(at)
}

/// The sets of more than one node that lead to each other.
fn strongly_connected(arrows: &BTreeSet<(String, String)>) -> Vec<Vec<String>> {
    let reached = |from: &String| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(node) = next.pop() {
            for (_, to) in arrows.iter().filter(|(one, _)| one == node) {
                if reached.insert(to.clone()) {
                    next.push(to);
                }
            }
        }
        reached
    };
    let nodes: BTreeSet<&String> = arrows.iter().map(|(from, _)| from).collect();
    let all: BTreeMap<&String, BTreeSet<String>> =
        nodes.iter().map(|node| (*node, reached(node))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (node, leads_to) in &all {
        if leads_to.contains(*node) {
            let back = leads_to
                .iter()
                .filter(|it| all.get(it).is_some_and(|them| them.contains(*node)));
            circles.insert(back.cloned().collect());
        }
    }
    circles.into_iter().collect()
}
