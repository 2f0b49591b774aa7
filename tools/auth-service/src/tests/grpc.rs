//! What Envoy's ext_authz filter is answered over gRPC. Envoy itself asks in tests/tools/test_bench.py.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use serde_json::json;

use super::super::grpc;
use super::{Reply, StandIn, runtime};

const READ: &str = "/api/mlflow/api/2.0/mlflow/runs/get?run_id=1";
const WRITE: &str = "/api/mlflow/api/2.0/mlflow/runs/log-metric";

/// A field of a message, or a message in its frame: everything here is shorter than 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    assert!(length < 0x80);
    [&[number << 3 | 2, length], value].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

fn header(name: &str, value: &str) -> Vec<u8> {
    field(
        3,
        &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat(),
    )
}

/// A check as Envoy sends it, with fields that nobody reads: a varint, 64 and 32 bits.
fn check(method: &str, path: &str, key: &str) -> Vec<u8> {
    let http = [
        vec![9 << 3, 0xc2, 0x80, 0x01],
        vec![14 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![15 << 3 | 5, 0, 0, 0, 0],
        field(2, method.as_bytes()),
        header("a", "b"),
        header("authorization", &format!("Bearer {key}")),
        field(4, path.as_bytes()),
    ];
    framed(&field(1, &field(4, &field(2, &http.concat()))))
}

fn stand_in(flags: &[&str]) -> StandIn {
    let keys = json!({"keys": [
        {"key": "hk_reader", "user_id": "u1", "key_id": "key_1", "scopes": ["model:read"]},
        {"key": "hk_limited", "status": 429, "retry_after": 7},
        {"key": "hk_broken", "scopes": 7},
    ]});
    StandIn::start(&keys, flags)
}

/// Over HTTP/1.1, which leaves out the trailers. All of these bodies are UTF-8.
fn ask(stand_in: &StandIn, body: Vec<u8>) -> Reply {
    let body = String::from_utf8(body).unwrap();
    stand_in.request(
        "POST",
        grpc::PATH,
        "content-type: application/grpc\r\n",
        &body,
    )
}

fn contains(reply: &Reply, part: &[u8]) -> bool {
    reply.body.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_check_is_decided_as_over_http() {
    let stand_in = stand_in(&["--ext-authz-mount", "/api/mlflow"]);
    let allowed = ask(&stand_in, check("GET", READ, "hk_reader"));
    assert_eq!((allowed.status, allowed.header("grpc-status")), (200, None));
    // CheckResponse.status without a code, and ok_response; HttpStatus is in refusals alone.
    assert!(contains(&allowed, &[1 << 3 | 2, 0, 3 << 3 | 2]));
    for part in ["x-mlflow-authz-user", "x-mlflow-authz-key", "model:read"] {
        assert!(contains(&allowed, part.as_bytes()), "{part}");
    }
    for (method, path, key, status) in [
        ("POST", WRITE, "hk_reader", 403_u16),
        ("GET", READ, "hk_unknown", 401),
        ("GET", READ, "hk_limited", 429),
        ("GET", "/api/2.0/mlflow/runs/get", "hk_reader", 403),
    ] {
        let refused = ask(&stand_in, check(method, path, key));
        assert_eq!((refused.status, refused.header("grpc-status")), (200, None));
        // CheckResponse.status with PERMISSION_DENIED, and denied_response.
        assert!(contains(&refused, &[1 << 3 | 2, 2, 1 << 3, 7, 2 << 3 | 2]));
        let [low, high] =
            [(status & 0x7f) | 0x80, status >> 7].map(|part| u8::try_from(part).unwrap());
        let code = [1 << 3 | 2, 3, 1 << 3, low, high];
        assert!(contains(&refused, &code), "{status} {refused:?}");
        assert!(!contains(&refused, b"x-mlflow-authz"));
    }
    assert_eq!(stand_in.stats()["validations"], 5);
}

#[test]
fn what_cannot_be_answered_fails_the_call() {
    let stand_in = stand_in(&["--ext-authz-mount", "/api/mlflow"]);
    let broken = ask(&stand_in, check("GET", READ, "hk_broken"));
    assert_eq!(broken.header("grpc-status"), Some("14"));
    let whole = check("GET", READ, "hk_reader");
    let cut = whole.len() - 1;
    let no_method = check("", READ, "hk_reader");
    for body in [
        b"".to_vec(),
        b"no".to_vec(),
        whole[..cut].to_vec(),
        no_method,
    ] {
        let reply = ask(&stand_in, body.clone());
        assert_eq!(reply.header("grpc-status"), Some("3"), "{body:?}");
    }
}

#[test]
fn without_the_option_there_is_no_such_call() {
    let reply = ask(&stand_in(&[]), check("GET", READ, "hk_reader"));
    assert_eq!(reply.status, 404);
}

#[test]
fn an_answer_ends_with_the_status_of_the_call() {
    let body = runtime().block_on(async {
        let reply = grpc::reply(StatusCode::OK.into_response()).await;
        reply.into_body().collect().await.unwrap()
    });
    let trailers = body.trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    // The length of the message, then CheckResponse.status and ok_response, both empty.
    assert_eq!(body.to_bytes()[..], [0, 0, 0, 0, 4, 10, 0, 26, 0]);
}
