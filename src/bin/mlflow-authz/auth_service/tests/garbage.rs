//! Every kind of garbage, byte by byte.

use std::io::ErrorKind;

use serde_json::{Value, json};

use super::super::garbage::{CUT, HUGE};
use super::{KEY, Reply, StandIn};

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
