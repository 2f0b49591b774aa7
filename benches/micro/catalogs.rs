//! From a request target to an operation.

use std::hint::black_box;

use divan::Bencher;
use mlflow_authz::catalog::{CATALOG, Catalog, Operation};
use mlflow_authz::target::{Target, below_mount};

use crate::alternatives::{LinearScan, OneRegexSet};
use crate::synthetic::{self, SIZES};

/// Method and target, the mount included; the last is in no table.
const REQUESTS: [(&str, &str); 5] = [
    ("POST", "/api/mlflow/api/2.0/mlflow/runs/log-batch"),
    ("GET", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=4f1c2d3e"),
    (
        "PATCH",
        "/api/mlflow/api/2.0/mlflow/logged-models/m-4f1c2d3e/tags",
    ),
    (
        "GET",
        "/api/mlflow/api/2.0/mlflow-artifacts/artifacts/1/4f1c2d3e/artifacts/model/MLmodel",
    ),
    ("GET", "/api/mlflow/api/2.0/mlflow/no/such/endpoint"),
];

const MOUNT: &str = "/api/mlflow";

fn loaded() -> Vec<&'static Operation> {
    mlflow_authz::catalog::operations().collect()
}

/// Target, mount and operation, with the table of this build.
#[divan::bench(args = REQUESTS.map(|(_, target)| target))]
fn classify_a_target(bencher: Bencher<'_, '_>, target: &str) {
    let method = method_of(target);
    let classify = |target: &str| {
        let target = Target::parse(target.as_bytes()).ok()?;
        CATALOG.find(method, below_mount(&target.path, MOUNT)?)
    };
    let known = !target.contains("no/such");
    assert_eq!(classify(target).is_some(), known);
    bencher.bench_local(|| classify(black_box(target)));
}

/// The same requests, without parsing the target.
#[divan::bench(args = REQUESTS.map(|(_, target)| target))]
fn loaded_table_trie(bencher: Bencher<'_, '_>, target: &str) {
    let (method, path) = (method_of(target), path_of(target));
    assert_eq!(CATALOG.find(method, path).is_some(), is_known(target));
    bencher.bench_local(|| CATALOG.find(black_box(method), black_box(path)));
}

#[divan::bench(args = REQUESTS.map(|(_, target)| target))]
fn loaded_table_linear_scan(bencher: Bencher<'_, '_>, target: &str) {
    let (method, path) = (method_of(target), path_of(target));
    let scan = LinearScan::new(&loaded());
    assert_eq!(scan.find(method, path).is_some(), is_known(target));
    bencher.bench_local(|| scan.find(black_box(method), black_box(path)));
}

#[divan::bench(args = REQUESTS.map(|(_, target)| target))]
fn loaded_table_regex_set(bencher: Bencher<'_, '_>, target: &str) {
    let line = format!("{} {}", method_of(target), path_of(target));
    let set = OneRegexSet::new(&loaded());
    assert_eq!(set.find(&line).is_some(), is_known(target));
    bencher.bench_local(|| set.find(black_box(&line)));
}

#[divan::bench(args = SIZES)]
fn made_up_table_trie(bencher: Bencher<'_, '_>, size: usize) {
    let table = Catalog::compile(synthetic::operations(size).into_iter());
    let path = synthetic::path(size);
    assert!(table.find("POST", &path).is_some());
    bencher.bench_local(|| table.find(black_box("POST"), black_box(&path)));
}

#[divan::bench(args = SIZES)]
fn made_up_table_linear_scan(bencher: Bencher<'_, '_>, size: usize) {
    let scan = LinearScan::new(&synthetic::operations(size));
    let path = synthetic::path(size);
    assert!(scan.find("POST", &path).is_some());
    bencher.bench_local(|| scan.find(black_box("POST"), black_box(&path)));
}

#[divan::bench(args = SIZES)]
fn made_up_table_regex_set(bencher: Bencher<'_, '_>, size: usize) {
    let set = OneRegexSet::new(&synthetic::operations(size));
    let line = format!("POST {}", synthetic::path(size));
    assert!(set.find(&line).is_some());
    bencher.bench_local(|| set.find(black_box(&line)));
}

fn method_of(target: &str) -> &'static str {
    let found = REQUESTS.iter().find(|(_, it)| *it == target);
    found.unwrap().0
}

fn path_of(target: &str) -> &str {
    let path = target.split('?').next().unwrap();
    path.strip_prefix(MOUNT).unwrap()
}

fn is_known(target: &str) -> bool {
    !target.contains("no/such")
}
