//! Replies that break the contract or the connection.
//!
//! Where the kind allows it, the text is a valid reply to do harm with: a validation that grants
//! everything, or no revocations and a cursor that leads nowhere. A filter that falls for garbage then lets
//! a request through, or polls with that cursor, which a test cannot miss.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::faults::{Asked, Garbage};
use super::listener::ResetSwitch;

/// A reply that grants everything, up to where padding and its end follow.
const GRANT: &str =
    r#"{"user_id":"garbage","key_id":"garbage","scopes":["mlflow:admin"],"is_admin":true"#;

/// A reply that revokes nothing and misleads the next poll, up to the same place.
const LULL: &str = r#"{"key_ids":[],"next":"garbage","more":false"#;

/// Bytes in a `huge` reply.
pub const HUGE: usize = 5_000_000;

/// Bytes that a cut reply announces and does not send.
pub const CUT: usize = 1_024;

/// From the last byte sent to the cut: long enough for the peer to see a response begin.
const BEFORE_THE_CUT: Duration = Duration::from_millis(20);

/// The reply of that kind. `reset` is the switch of the connection it goes out on.
pub async fn reply(
    kind: Garbage,
    asked: Asked,
    status: StatusCode,
    reset: &ResetSwitch,
) -> Response {
    let bait = match asked {
        Asked::Validation => GRANT,
        Asked::Revocations => LULL,
    };
    let (content_type, body) = match kind {
        Garbage::Text => ("text/plain; charset=utf-8", "the key is fine\n".into()),
        Garbage::Empty => ("application/json", Body::empty()),
        Garbage::Html => (
            "text/html; charset=utf-8",
            "<!doctype html>\n<title>Sign in</title>\n<h1>Sign in</h1>\n".into(),
        ),
        Garbage::Huge => ("application/json", huge(bait).into()),
        Garbage::Truncated => return cut(bait, status),
        Garbage::Reset => {
            reset.arm();
            return cut(bait, status);
        }
        Garbage::Nothing => {
            reset.cut();
            return status.into_response();
        }
        Garbage::Hang => return std::future::pending().await,
    };
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    (status, content_type, body).into_response()
}

fn huge(bait: &str) -> String {
    const OPEN: &str = r#","padding":""#;
    const CLOSE: &str = "\"}";
    let padding = HUGE.saturating_sub(bait.len() + OPEN.len() + CLOSE.len());
    [bait, OPEN, &"x".repeat(padding), CLOSE].concat()
}

/// A reply that breaks off. The failure of its body makes hyper drop the connection.
fn cut(bait: &str, status: StatusCode) -> Response {
    let sent = Bytes::from([bait, "}"].concat());
    let announced = HeaderValue::from(sent.len() + CUT);
    let body = Body::from_stream(stream::unfold(Some(sent), |next| async move {
        match next {
            Some(sent) => Some((Ok(sent), None)),
            None => {
                tokio::time::sleep(BEFORE_THE_CUT).await;
                Some((Err(io::Error::other("cut by order")), None))
            }
        }
    }));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_LENGTH, announced),
    ];
    (status, headers, body).into_response()
}
