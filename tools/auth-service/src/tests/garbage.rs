//! Every kind of garbage, byte by byte.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::garbage::{CUT, HUGE};
use super::{KEY, PATH, Reply, StandIn, bearer};

fn reply(kind: &str) -> Reply {
    StandIn::with_flags(&["--garbage", kind]).validate(KEY)
}

fn announced(reply: &Reply) -> usize {
    reply.header("content-length").unwrap().parse().unwrap()
}

#[test]
fn text() {
    for stand_in in [&["--garbage", "text"][..], &["--garbage"]].map(StandIn::with_flags) {
        let reply = stand_in.validate(KEY);
        assert_eq!((reply.status, reply.end), (200, None));
        assert!(!reply.body.is_empty());
        assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    }
}

#[test]
fn empty() {
    let reply = reply("empty");
    assert_eq!((reply.status, reply.end), (200, None));
    assert_eq!((reply.body.len(), announced(&reply)), (0, 0));
}

#[test]
fn html() {
    let reply = reply("html");
    assert_eq!((reply.status, reply.end), (200, None));
    let content_type = reply.header("content-type").unwrap();
    assert!(content_type.starts_with("text/html"), "{content_type}");
    assert!(reply.body.starts_with(b"<!doctype html>"));
}

#[test]
fn huge_is_a_valid_grant() {
    let reply = reply("huge");
    assert_eq!((reply.status, reply.end), (200, None));
    assert_eq!(reply.body.len(), HUGE);
    assert_eq!(reply.json()["scopes"], json!(["mlflow:admin"]));
}

#[test]
fn truncated_ends_early_and_in_good_order() {
    let reply = reply("truncated");
    assert_eq!((reply.status, reply.end), (200, None));
    assert_eq!(announced(&reply), reply.body.len() + CUT);
    assert_eq!(reply.json()["scopes"], json!(["mlflow:admin"]));
}

#[test]
fn reset_ends_early_by_rst() {
    let reply = reply("reset");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.end, Some(ErrorKind::ConnectionReset));
    assert_eq!(announced(&reply), reply.body.len() + CUT);
}

#[test]
fn nothing_is_a_reset_before_any_byte() {
    let stand_in = StandIn::with_flags(&["--garbage", "nothing"]);
    let stream = stand_in.send("POST", PATH, &bearer(KEY), r#"{"service_id":"mlflow"}"#);
    assert!(Reply::of(stream).is_none());
    let stats = stand_in.stats();
    assert_eq!(
        (&stats["validations"], &stats["by_status"]),
        (&json!(1), &json!({}))
    );
    assert_eq!(stats["in_flight"], json!(0));
}

#[test]
fn hang_never_answers() {
    let stand_in = StandIn::with_flags(&["--garbage", "hang"]);
    let stream = stand_in.send("POST", PATH, &bearer(KEY), r#"{"service_id":"mlflow"}"#);
    let silence = Duration::from_millis(300);
    stream.set_read_timeout(Some(silence)).unwrap();
    let (bytes, end) = super::read_to_end(stream);
    assert_eq!((bytes.len(), end), (0, Some(ErrorKind::WouldBlock)));
    // Others are served meanwhile.
    assert_eq!(stand_in.poll(None).status, 200);
}

#[test]
fn revocations_get_garbage_of_their_own() {
    let stand_in = StandIn::with_flags(&["--fault-target", "revocations"]);
    let order = |kind| {
        stand_in.put_faults(&json!({"target": "revocations", "garbage": kind}));
        stand_in.poll(None)
    };
    let huge = order("huge");
    assert_eq!((huge.status, huge.body.len()), (200, HUGE));
    for reply in [huge, order("truncated"), order("reset")] {
        let page = reply.json();
        let told = json!([page["key_ids"], page["next"], page["more"]]);
        assert_eq!(told, json!([[], "garbage", false]));
    }
    assert!(order("html").body.starts_with(b"<!doctype html>"));
}

#[test]
fn garbage_goes_out_under_the_ordered_status() {
    let flags = ["--garbage", "html", "--status", "502"];
    let reply = StandIn::with_flags(&flags).validate(KEY);
    assert_eq!(reply.status, 502);
    assert!(reply.body.starts_with(b"<!doctype html>"));
}

#[test]
fn only_validations_get_garbage() {
    for kind in ["text", "reset"] {
        let stand_in = StandIn::with_flags(&["--garbage", kind]);
        stand_in.validate(KEY);
        assert_eq!(stand_in.stats()["by_status"], json!({"200": 1}), "{kind}");
    }
}
