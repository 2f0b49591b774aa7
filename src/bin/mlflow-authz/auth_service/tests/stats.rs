//! What `/stats` tells.

use std::time::Instant;

use serde_json::{Value, json};

use super::{KEY, PATH, PATIENCE, Reply, StandIn, bearer};

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
    let zero = json!({"validations": 0, "by_status": {}, "in_flight": 0});
    assert_eq!(stand_in.stats(), zero);

    stand_in.validate(KEY);
    stand_in.validate("unknown");
    let asked = r#"{"service_id":"registry","client_ip":"192.0.2.7"}"#;
    stand_in.request("POST", PATH, &bearer(KEY), asked);
    stand_in.request("POST", PATH, &bearer(KEY), "not JSON");
    stand_in.request("GET", PATH, &bearer(KEY), "");
    let stats = json!({
        "validations": 4, "by_status": {"200": 2, "400": 1, "401": 1}, "in_flight": 0,
        "last": {"service_id": "registry", "client_ip": "192.0.2.7"},
    });
    assert_eq!(stand_in.stats(), stats);

    stand_in.validate(KEY);
    assert_eq!(stand_in.stats()["last"], json!({"service_id": "mlflow"}));

    let reset = stand_in.request("DELETE", "/stats", "", "");
    assert_eq!((reset.status, reset.json()), (200, zero.clone()));
    assert_eq!(stand_in.stats(), zero);
}

#[test]
fn a_validation_counts_when_it_arrives() {
    let stand_in = StandIn::with_flags(&["--delay", "300ms"]);
    let body = r#"{"service_id":"mlflow"}"#;
    let held = stand_in.send("POST", PATH, &bearer(KEY), body);
    let stats = json!({
        "validations": 1, "by_status": {}, "in_flight": 1, "last": {"service_id": "mlflow"},
    });
    assert_eq!(wait_for(&stand_in, 1), stats);

    // A reset forgets it, but it is still in flight, and its end is not counted.
    stand_in.request("DELETE", "/stats", "", "");
    assert_eq!(
        stand_in.stats(),
        json!({"validations": 0, "by_status": {}, "in_flight": 1})
    );
    assert_eq!(Reply::read(held).status, 200);
    assert_eq!(
        stand_in.stats(),
        json!({"validations": 0, "by_status": {}, "in_flight": 0})
    );
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
