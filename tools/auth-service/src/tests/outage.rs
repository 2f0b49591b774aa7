//! Outages: nobody listens.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{KEY, PATH, PATIENCE, Reply, StandIn, bearer};

fn order(stand_in: &StandIn, outage: &Value) -> Reply {
    stand_in.request("PUT", "/outage", "", &outage.to_string())
}

#[test]
fn connections_are_refused_for_the_time() {
    let stand_in = StandIn::with_flags(&[]);
    for _ in 0..2 {
        let start = Instant::now();
        let ordered = order(&stand_in, &json!({"for_ms": 400}));
        assert_eq!(
            (ordered.status, ordered.json()),
            (200, json!({"for_ms": 400}))
        );
        let refused = TcpStream::connect(stand_in.0).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        while TcpStream::connect(stand_in.0).is_err() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(start.elapsed() >= Duration::from_millis(400));
        // It is the one it was.
        assert_eq!(stand_in.validate(KEY).status, 200);
    }
    assert_eq!(stand_in.stats()["validations"], json!(2));
}

#[test]
fn connections_there_are_end_in_a_reset() {
    let stand_in = StandIn::with_flags(&["--delay", "1h"]);
    let mut idle = TcpStream::connect(stand_in.0).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(idle, "GET /faults HTTP/1.1\r\nhost: auth\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 1_024]).unwrap() > 0);
    let held = stand_in.send("POST", PATH, &bearer(KEY), r#"{"service_id":"mlflow"}"#);
    while stand_in.stats()["in_flight"] != json!(1) {}

    assert_eq!(order(&stand_in, &json!({"for_ms": 1})).status, 200);
    let end = idle.read(&mut [0; 1_024]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    assert!(Reply::of(held).is_none());
}

#[test]
fn a_wrong_order_is_400_and_names_the_field() {
    let stand_in = StandIn::with_flags(&[]);
    let cases = [
        (json!({}), "missing field `for_ms`"),
        (json!({"for_ms": -1}), "for_ms: "),
        (json!({"for_ms": "1s"}), "for_ms: "),
        (json!({"for_ms": 1, "ms": 1}), "unknown field `ms`"),
        (json!([1]), "not a JSON object"),
    ];
    for (body, named) in cases {
        let reply = order(&stand_in, &body);
        assert_eq!(reply.status, 400, "{body}");
        let error = reply.json()["error"].to_string();
        assert!(error.contains(named), "{body}: {error}");
    }
}
