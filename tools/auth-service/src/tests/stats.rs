//! What `/stats` tells.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::stats::Stats;
use super::{KEY, PATH, PATIENCE, Reply, StandIn, bearer, service};

/// The counters, all zero but for `counted`.
fn shown(counted: &Value) -> Value {
    let mut shown = json!({
        "validations": 0, "by_status": {}, "in_flight": 0, "by_key_id": {}, "distinct_keys": 0,
        "distinct_keys_full": false, "most_per_key": 0, "revocation_polls": 0,
    });
    for (name, count) in counted.as_object().unwrap() {
        shown[name] = count.clone();
    }
    shown
}

fn wait_for(stand_in: &StandIn, in_flight: u64) -> Value {
    let start = Instant::now();
    loop {
        let stats = stand_in.stats();
        if stats["in_flight"] == json!(in_flight) || start.elapsed() > PATIENCE {
            return stats;
        }
    }
}

#[test]
fn validations_are_counted_with_their_status() {
    let stand_in = StandIn::with_flags(&[]);
    let zero = shown(&json!({}));
    assert_eq!(stand_in.stats(), zero);

    stand_in.validate(KEY);
    stand_in.validate("unknown");
    let asked = r#"{"service_id":"registry","client_ip":"192.0.2.7"}"#;
    stand_in.request("POST", PATH, &bearer(KEY), asked);
    stand_in.request("POST", PATH, &bearer(KEY), "not JSON");
    stand_in.request("GET", PATH, &bearer(KEY), "");
    let stats = shown(&json!({
        "validations": 4, "by_status": {"200": 2, "400": 1, "401": 1},
        "distinct_keys": 2, "most_per_key": 3,
        "last": {"service_id": "registry", "client_ip": "192.0.2.7"},
    }));
    assert_eq!(stand_in.stats(), stats);

    stand_in.validate(KEY);
    assert_eq!(stand_in.stats()["last"], json!({"service_id": "mlflow"}));

    let reset = stand_in.request("DELETE", "/stats", "", "");
    assert_eq!((reset.status, reset.json()), (200, zero.clone()));
    assert_eq!(stand_in.stats(), zero);
}

#[test]
fn the_trace_of_the_last_validation_is_told() {
    let stand_in = StandIn::with_flags(&[]);
    let body = r#"{"service_id":"mlflow"}"#;
    let trace = "traceparent: 00-4b-1\r\nTraceState: a=b\r\ntracestate: c=d\r\nx-request-id: 7\r\n";
    stand_in.request("POST", PATH, &(bearer(KEY) + trace), body);
    let expected = json!({"traceparent": "00-4b-1", "tracestate": "a=b,c=d", "x-request-id": "7"});
    assert_eq!(stand_in.stats()["last_trace"], expected);
    stand_in.validate(KEY);
    assert_eq!(stand_in.stats().get("last_trace"), None);
}

#[test]
fn a_validation_counts_when_it_arrives() {
    let stand_in = StandIn::with_flags(&["--delay", "300ms"]);
    let body = r#"{"service_id":"mlflow"}"#;
    let held = stand_in.send("POST", PATH, &bearer(KEY), body);
    let stats = shown(&json!({
        "validations": 1, "in_flight": 1, "last": {"service_id": "mlflow"},
        "distinct_keys": 1, "most_per_key": 1,
    }));
    assert_eq!(wait_for(&stand_in, 1), stats);

    // A reset forgets it, but it is still in flight, and its end is not counted.
    stand_in.request("DELETE", "/stats", "", "");
    assert_eq!(stand_in.stats(), shown(&json!({"in_flight": 1})));
    assert_eq!(Reply::read(held).status, 200);
    assert_eq!(stand_in.stats(), shown(&json!({})));
}

#[test]
fn a_client_that_leaves_is_in_flight_no_more() {
    let stand_in = StandIn::with_flags(&["--delay", "1h"]);
    let held = stand_in.send("POST", PATH, &bearer(KEY), r#"{"service_id":"mlflow"}"#);
    assert_eq!(wait_for(&stand_in, 1)["in_flight"], json!(1));
    drop(held);
    let stats = wait_for(&stand_in, 0);
    assert_eq!(stats["in_flight"], json!(0));
    assert_eq!(
        (&stats["validations"], &stats["by_status"]),
        (&json!(1), &json!({}))
    );
}

#[test]
fn keys_are_counted_by_id_and_by_number() {
    let keys = json!({"keys": [
        {"key": "hk_live_1", "key_id": "key_1"}, {"key": "hk_live_2", "key_id": "key_2"},
        {"key": "hk_live_twin", "key_id": "key_2"}, {"key": "hk_live_unused", "key_id": "key_3"},
        {"key": "hk_live_refused", "key_id": "key_4", "status": 403},
        {"key": "hk_live_nameless"}, {"key": "hk_live_odd", "key_id": 7},
    ]});
    let flags = [
        "--any-key-prefix",
        "load_",
        "--any-key-scopes",
        "model:read",
    ];
    let stand_in = StandIn::start(&keys, &flags);
    let asked = [
        ("hk_live_1", 3),
        ("hk_live_2", 1),
        ("hk_live_twin", 1),
        ("hk_live_refused", 1),
        ("hk_live_nameless", 1),
        ("hk_live_odd", 1),
        ("unknown", 4),
        ("load_1", 2),
    ];
    for (key, times) in asked {
        for _ in 0..times {
            stand_in.validate(key);
        }
    }
    stand_in.request("POST", PATH, "", r#"{"service_id":"mlflow"}"#);
    // Faults hide no callout.
    stand_in.put_faults(&json!({"garbage": "nothing"}));
    let held = stand_in.send(
        "POST",
        PATH,
        &bearer("hk_live_1"),
        r#"{"service_id":"mlflow"}"#,
    );
    assert!(Reply::of(held).is_none());

    let stats = stand_in.stats();
    let by_key_id = json!({"key_1": 4, "key_2": 2, "key_4": 1});
    assert_eq!(stats["by_key_id"], by_key_id);
    let totals = (&stats["distinct_keys"], &stats["most_per_key"]);
    assert_eq!(totals, (&json!(8), &json!(4)));
    assert_eq!(stats["by_status"], json!({"200": 9, "401": 5, "403": 1}));
    assert!(!stats.to_string().contains("hk_live"), "{stats}");

    stand_in.poll(None);
    stand_in.poll(Some("nonsense"));
    assert_eq!(stand_in.stats()["revocation_polls"], json!(2));
    assert_eq!(stand_in.stats()["validations"], stats["validations"]);

    stand_in.request("DELETE", "/stats", "", "");
    assert_eq!(stand_in.stats(), shown(&json!({})));
}

#[test]
fn a_revoked_key_counts_for_no_id_any_more() {
    let keys = json!({"keys": [{"key": KEY, "key_id": "key_1"}]});
    let stand_in = StandIn::start(&keys, &[]);
    stand_in.validate(KEY);
    stand_in.revoke("key_1");
    stand_in.validate(KEY);
    let stats = stand_in.stats();
    assert_eq!(stats["by_key_id"], json!({"key_1": 1}));
    assert_eq!(stats["most_per_key"], json!(2));
}

#[test]
fn keys_beyond_the_limit_are_told_of_and_not_counted() {
    let mut service = service(&json!({"keys": []}), &[]);
    service.stats = Stats::with_key_limit(2).into();
    let stand_in = StandIn::serve(service);
    let counts = || {
        let stats = stand_in.stats();
        let names = ["distinct_keys", "distinct_keys_full", "most_per_key"];
        json!(names.map(|name| stats[name].clone()))
    };
    let steps = [
        ("a", json!([1, false, 1])),
        ("b", json!([2, false, 1])),
        ("a", json!([2, false, 2])),
        ("c", json!([2, true, 2])),
        ("c", json!([2, true, 2])),
        ("c", json!([2, true, 2])),
        ("b", json!([2, true, 2])),
        ("b", json!([2, true, 3])),
    ];
    for (number, (key, counted)) in steps.into_iter().enumerate() {
        stand_in.validate(key);
        assert_eq!(counts(), counted, "step {number}");
    }
    stand_in.request("DELETE", "/stats", "", "");
    assert_eq!(counts(), json!([0, false, 0]));
    for key in ["a", "b", "c"] {
        stand_in.validate(key);
    }
    assert_eq!(counts(), json!([2, true, 1]));
}
