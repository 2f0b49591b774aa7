//! Lines as VMs write them: each is given configurations in turn, and uses them or not.

mod keys;

use std::time::Duration;

use serde_json::{Value, json};

use super::{ConfigLog, Delivery, DeliveryNumber, config_hash_digits};
use crate::config::Config;
use crate::rules::Rules;
use crate::shared_data::{LocalData, SharedData, Version};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn text(more: &str) -> String {
    format!(r#"{{"mounts": ["/"], "auth_service": {{"cluster": "auth"}}{more}}}"#)
}

/// One VM of a proxy.
#[derive(Default)]
struct Vm {
    last: Option<DeliveryNumber>,
}

impl Vm {
    fn deliver(&mut self, shared: &LocalData, more: &str) -> Delivery {
        let text = text(more);
        let rules = Rules::new(Config::parse(text.as_bytes()).unwrap());
        let delivery = log().deliver(shared, self.last, &rules, text.as_bytes());
        self.last = Some(delivery.number());
        delivery
    }

    fn run(&mut self, shared: &LocalData, more: &str) -> Option<Value> {
        let delivery = self.deliver(shared, more);
        tell(shared, &delivery)
    }
}

fn log() -> ConfigLog {
    ConfigLog::new("mlflow_authz")
}

fn tell(shared: &LocalData, delivery: &Delivery) -> Option<Value> {
    let line = log().in_force(shared, NOW, delivery)?;
    Some(serde_json::from_str(&line).unwrap())
}

/// The old and the new configuration of each line.
fn steps(lines: &[Value]) -> Vec<(Option<&str>, &str)> {
    lines
        .iter()
        .map(|line| (line["old"].as_str(), line["new"].as_str().unwrap()))
        .collect()
}

const A: &str = "";
const B: &str = r#", "mode": "shadow""#;
const C: &str = r#", "bodies": "inspect""#;

fn hash(more: &str) -> String {
    config_hash_digits(text(more).as_bytes())
}

/// Envoy's order: a VM that is dropped, the main thread, the workers; then each runs.
fn swap(shared: &LocalData, vms: &mut [Vm], more: &str, with_canary: bool) -> Vec<Value> {
    if with_canary {
        Vm::default().deliver(shared, more);
    }
    let deliveries: Vec<_> = vms.iter_mut().map(|vm| vm.deliver(shared, more)).collect();
    let told = deliveries.iter().rev();
    told.filter_map(|delivery| tell(shared, delivery)).collect()
}

fn vms(count: usize) -> Vec<Vm> {
    (0..count).map(|_| Vm::default()).collect()
}

#[test]
fn one_line_for_each_change_whatever_the_number_of_vms() {
    for count in [1, 2, 5] {
        let shared = LocalData::default();
        let mut vms = vms(count);
        let mut lines = Vec::new();
        // The dropped VM comes with a configuration that Envoy has not tried yet.
        for (more, is_new) in [
            (A, true),
            (B, true),
            (A, false),
            (A, false),
            (B, false),
            (C, true),
        ] {
            lines.extend(swap(&shared, &mut vms, more, is_new));
        }
        let (a, b, c) = (hash(A), hash(B), hash(C));
        let expected = [
            (None, &*a),
            (Some(&*a), &*b),
            (Some(&*b), &*a),
            (Some(&*a), &*b),
            (Some(&*b), &*c),
        ];
        assert_eq!(steps(&lines), expected, "{count} VMs");
    }
}

#[test]
fn a_configuration_that_no_vm_uses_has_no_line() {
    let shared = LocalData::default();
    let mut vms = vms(3);
    swap(&shared, &mut vms, A, true);
    Vm::default().deliver(&shared, B);
    let lines = swap(&shared, &mut vms, C, true);
    assert_eq!(steps(&lines), [(Some(&*hash(A)), &*hash(C))]);
}

#[test]
fn a_vm_in_the_place_of_one_that_crashed_has_no_line() {
    let shared = LocalData::default();
    let mut vms = vms(3);
    swap(&shared, &mut vms, A, true);
    swap(&shared, &mut vms, B, true);
    assert_eq!(Vm::default().run(&shared, B), None);
    // Under a listener that drains.
    assert_eq!(Vm::default().run(&shared, A), None);
    assert_eq!(Vm::default().run(&shared, B), None);
    let lines = swap(&shared, &mut vms, C, true);
    assert_eq!(steps(&lines), [(Some(&*hash(B)), &*hash(C))]);
    assert_eq!(swap(&shared, &mut vms, A, false).len(), 1);
}

#[test]
fn another_module_with_a_configuration_of_before_has_a_line() {
    let shared = LocalData::default();
    swap(&shared, &mut vms(3), A, true);
    swap(&shared, &mut vms(3), B, true);
    let lines = swap(&shared, &mut vms(3), A, true);
    assert_eq!(steps(&lines), [(Some(&*hash(B)), &*hash(A))]);
    assert_eq!(swap(&shared, &mut vms(3), A, true), [] as [Value; 0]);
}

#[test]
fn a_worker_that_is_late_does_not_bring_the_old_configuration_back() {
    let shared = LocalData::default();
    let (mut main, mut worker) = (Vm::default(), Vm::default());
    assert!(main.run(&shared, A).is_some());
    worker.run(&shared, A);
    let superseded = main.deliver(&shared, B);
    assert!(main.run(&shared, C).is_some());
    assert_eq!(tell(&shared, &superseded), None);
    assert_eq!(worker.run(&shared, B), None);
    assert_eq!(worker.run(&shared, C), None);
}

fn change(old: &str, new: &str) -> Value {
    let shared = LocalData::default();
    let mut vm = Vm::default();
    vm.run(&shared, old);
    vm.run(&shared, new).expect("a line")
}

#[test]
fn what_is_granted_more_and_less() {
    let scopes = |table: &str| format!(r#", "scopes": {table}"#);
    let named = |line: &Value| line["scopes"].clone();
    for (old, new, expected) in [
        (
            r#"{"x": ["run:read"]}"#,
            r#"{"x": ["run:read", "run:write"]}"#,
            json!([{"name": "x", "added": ["run:write"]}]),
        ),
        (
            r#"{"x": ["*:write"]}"#,
            r#"{"x": ["run:write", "gateway:use"]}"#,
            json!([{"name": "x", "added": ["gateway:use"], "removed": ["*:write"], "kept": ["run:write"]}]),
        ),
        (
            r#"{"x": ["run:write"]}"#,
            r#"{"x": ["*:write"]}"#,
            json!([{"name": "x", "added": ["*:write"]}]),
        ),
        // Another way to write the same.
        (
            r#"{"x": ["*:write", "run:write"]}"#,
            r#"{"x": ["*:write"]}"#,
            json!([]),
        ),
        // A default that is replaced, and one that is in force again.
        (
            "{}",
            r#"{"gateway:use": ["gateway:read"]}"#,
            json!([{"name": "gateway:use", "removed": ["gateway:use"]}]),
        ),
        (
            r#"{"gateway:use": ["gateway:read"]}"#,
            "{}",
            json!([{"name": "gateway:use", "added": ["gateway:use"]}]),
        ),
        (
            r#"{"x": ["run:read"]}"#,
            r#"{"x": {"permissions": ["run:read"], "searches": false}}"#,
            json!([{"name": "x", "searches": false}]),
        ),
    ] {
        let line = change(&scopes(old), &scopes(new));
        assert_eq!(named(&line), expected, "{old} -> {new}");
        assert_eq!(line["roles"], json!([]));
        assert_eq!(line["changed"], json!([]));
    }
    let line = change(
        r#", "roles": {"a": ["*:*"], "b": ["run:read"]}"#,
        r#", "roles": {"b": ["run:read"]}"#,
    );
    assert_eq!(line["roles"], json!([{"name": "a", "removed": ["*:*"]}]));
}

#[test]
fn the_first_line_says_what_differs_from_the_defaults() {
    let line = Vm::default()
        .run(
            &LocalData::default(),
            r#", "scopes": {"ci": ["run:write"]}, "enforce_percent": 10, "public": []"#,
        )
        .expect("a line");
    assert_eq!(line["event"], "configuration_taken");
    assert_eq!(line["time"], "2027-01-15T08:00:00.000Z");
    assert_eq!(line["plugin"], "mlflow_authz");
    assert_eq!(
        (&line["old"], &line["old_mode"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(line["mode"], "enforce");
    assert_eq!(line["enforce_percent"], 10);
    assert_eq!(line["compared_with"], "defaults");
    assert_eq!(
        line["scopes"],
        json!([{"name": "ci", "added": ["run:write"]}])
    );
    assert_eq!(
        line["changed"],
        json!(["auth_service.cluster", "mounts", "public"])
    );
}

#[test]
fn other_fields_are_named_and_their_values_are_not() {
    let line = change(
        r#", "mode": "shadow", "key_pattern": "hk_old_*", "cache": {"ttl": "1s"}"#,
        r#", "enforce_percent": 5, "key_pattern": "hk_new_*", "cache": {"ttl": "1s"}, "graphql": "deny",
            "overrides": [{"match": {"host": "secret.example"}, "mode": "shadow"}]"#,
    );
    assert_eq!(
        line["changed"],
        json!(["graphql", "key_pattern", "overrides"])
    );
    assert_eq!(
        (&line["old_mode"], &line["mode"]),
        (&json!("shadow"), &json!("enforce"))
    );
    assert_eq!(
        (&line["old_enforce_percent"], &line["enforce_percent"]),
        (&json!(100), &json!(5))
    );
    let line = line.to_string();
    assert!(
        !line.contains("hk_") && !line.contains("secret.example"),
        "{line}"
    );
}

#[test]
fn a_line_is_bounded() {
    let name = "n".repeat(1000);
    let many: Vec<String> = (0..300)
        .map(|number| format!(r#""{number:03}{name}": ["run:*", "trace:*"]"#))
        .collect();
    let big = format!(r#", "scopes": {{{0}}}, "roles": {{{0}}}"#, many.join(","));
    let line = change("", &big);
    assert!(
        line.to_string().len() < 16_384,
        "{}",
        line.to_string().len()
    );
    assert_eq!(
        line["omitted"],
        json!({"scopes": 280, "roles": 280, "changed": 0})
    );
    // What is kept is bounded, too; then nothing is said of grants that nobody can compare.
    let shared = LocalData::default();
    let mut vm = Vm::default();
    vm.run(&shared, &big);
    let (kept, _) = shared
        .get("mlflow_authz_configurations:mlflow_authz")
        .unwrap();
    assert!(kept.len() < 300_000, "{}", kept.len());
    let line = vm.run(&shared, "").expect("a line");
    assert_eq!(
        (&line["not_compared"], &line["scopes"]),
        (&json!(true), &json!([]))
    );
}

#[test]
fn a_refused_configuration_says_why_and_what_stays() {
    let shared = LocalData::default();
    Vm::default().run(&shared, A);
    let wrong = r#"{"audit": {"allow": true}}"#;
    let error = Config::parse(wrong.as_bytes()).unwrap_err();
    let line = log()
        .refused(&shared, NOW, wrong.as_bytes(), &error)
        .unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        line,
        json!({
            "time": "2027-01-15T08:00:00.000Z",
            "event": "configuration_refused",
            "plugin": "mlflow_authz",
            "old": hash(A),
            "new": config_hash_digits(wrong.as_bytes()),
            "error": error.to_string(),
        })
    );
}

/// A host that shares nothing.
struct Nothing;

impl SharedData for Nothing {
    fn get(&self, _: &str) -> Option<(Vec<u8>, Version)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: Version) -> bool {
        false
    }
}

#[test]
fn where_nothing_is_shared_each_vm_has_its_line() {
    let text = text(A);
    let rules = Rules::new(Config::parse(text.as_bytes()).unwrap());
    for _ in 0..2 {
        let delivery = log().deliver(&Nothing, None, &rules, text.as_bytes());
        assert!(log().in_force(&Nothing, NOW, &delivery).is_some());
    }
}

/// A host that takes no long value.
struct Short(LocalData);

impl SharedData for Short {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        self.0.get(name)
    }

    fn set(&self, name: &str, value: &[u8], version: Version) -> bool {
        value.len() < 100 && self.0.set(name, value, version)
    }
}

#[test]
fn where_the_history_does_not_fit_each_vm_has_its_line() {
    let shared = Short(LocalData::default());
    let text = text(A);
    let rules = Rules::new(Config::parse(text.as_bytes()).unwrap());
    for _ in 0..2 {
        let delivery = log().deliver(&shared, None, &rules, text.as_bytes());
        assert!(log().in_force(&shared, NOW, &delivery).is_some());
    }
}

#[test]
fn whatever_stands_in_shared_data_a_line_is_written_and_nothing_grows() {
    for junk in [
        &b""[..],
        b"{",
        b"[]",
        br#"{"version":2,"deliveries":[],"in_force":null}"#,
    ] {
        let shared = LocalData::default();
        shared.set("mlflow_authz_configurations:mlflow_authz", junk, Version(0));
        let mut vm = Vm::default();
        assert!(vm.run(&shared, A).is_some());
        for _ in 0..100 {
            assert!(vm.run(&shared, B).is_some());
            assert!(vm.run(&shared, A).is_some());
        }
        let (kept, _) = shared
            .get("mlflow_authz_configurations:mlflow_authz")
            .unwrap();
        assert!(kept.len() < 20_000, "{}", kept.len());
    }
}
