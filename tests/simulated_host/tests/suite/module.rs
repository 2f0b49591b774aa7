//! The file that is shipped: what it exports, and how large it is.

use std::collections::BTreeMap;

use simulated_host::vm;

/// The list that `scripts/build` keeps to.
const LIST: &str = include_str!("../../../../filters/mlflow-authz/exports.txt");

/// What it may have at most, a tenth above what it has: so that nothing large comes in unseen.
/// `docs/benchmarks/size.md` says what makes it so large, and what was tried.
const MOST_BYTES: u64 = 800 * 1024;

/// The list's names with their reasons.
fn listed() -> BTreeMap<String, String> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter(|line| !line.is_empty()).map(|line| {
        let (name, reason) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        (name.to_owned(), reason.trim().to_owned())
    });
    entries.collect()
}

#[test]
fn exports_what_is_listed_and_nothing_else() {
    let mut exports = vm::exports();
    exports.sort();
    let listed: Vec<String> = listed().into_keys().collect();
    assert_eq!(exports, listed);
}

#[test]
fn every_export_has_a_reason() {
    let without: Vec<String> = listed()
        .into_iter()
        .filter_map(|(name, reason)| (reason.split_whitespace().count() < 3).then_some(name))
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

/// Whatever a response has in it, the host does not enter the VM for it.
#[test]
fn a_response_costs_nothing() {
    let entered: Vec<String> = vm::exports()
        .into_iter()
        .filter(|name| name.starts_with("proxy_on_response") || name == "proxy_on_log")
        .collect();
    assert_eq!(entered, Vec::<String>::new());
}

#[test]
fn is_no_larger_than_promised() {
    let bytes = std::fs::metadata(vm::path()).unwrap().len();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
