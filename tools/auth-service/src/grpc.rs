//! What Envoy's own ext_authz filter asks over gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! The decision is that of [`ext_authz`]; here a check becomes the request that ext_authz sends over HTTP, and the HTTP
//! reply becomes the answer to the check. Both messages are read and written by hand, since a check needs three fields
//! of the one and four of the other: the wire format of Protocol Buffers is a list of numbered fields.

use std::iter;
use std::str;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Full};

use super::ext_authz;

/// Where checks are POSTed.
pub const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The codes of gRPC that are answered.
pub const INVALID_ARGUMENT: u8 = 3;
const PERMISSION_DENIED: u8 = 7;
const UNAVAILABLE: u8 = 14;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// Before each message: whether it is compressed, and its length.
const PREFIX_LENGTH: usize = 5;

/// As much of a refusal's body as is passed on.
const MAX_BODY: usize = 64 * 1024;

/// The request that a check is about, as ext_authz would send it over HTTP. `None` for what is no such message.
pub fn asked(body: &[u8]) -> Option<Parts> {
    let (_, check) = body.split_at_checked(PREFIX_LENGTH)?;
    // CheckRequest.attributes, AttributeContext.request, Request.http.
    let http = [1, 4, 2]
        .into_iter()
        .try_fold(check, |message, number| field(message, number))?;
    let method = str::from_utf8(field(http, 2)?).ok()?;
    let path = str::from_utf8(field(http, 4)?).ok()?;
    let mut request = Request::builder()
        .method(method)
        .uri([ext_authz::PREFIX, path].concat());
    for header in fields(http).filter_map(|(number, value)| (number == 3).then_some(value)) {
        if field(header, 1) == Some(AUTHORIZATION.as_str().as_bytes()) {
            request = request.header(AUTHORIZATION, field(header, 2).unwrap_or_default());
        }
    }
    Some(request.body(()).ok()?.into_parts().0)
}

/// The answer to a check that over HTTP would be `reply`.
pub async fn reply(reply: Response) -> Response {
    let (head, body) = reply.into_parts();
    if head.status.is_server_error() {
        return failed(UNAVAILABLE);
    }
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let message = check_response(head.status, &head.headers, &body);
    let mut framed = vec![0];
    framed.extend(
        u32::try_from(message.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    framed.extend(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from(0))]);
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) });
    ([(CONTENT_TYPE, MEDIA_TYPE)], Body::new(body)).into_response()
}

/// A call that failed, without a message.
pub fn failed(code: u8) -> Response {
    let head = [
        (CONTENT_TYPE, MEDIA_TYPE),
        (STATUS, HeaderValue::from(u16::from(code))),
    ];
    head.into_response()
}

fn check_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut http = Message::default();
    for (name, value) in headers {
        let mut header = Message::default();
        header.bytes(1, name.as_str().as_bytes());
        header.bytes(2, value.as_bytes());
        let mut option = Message::default();
        option.bytes(1, &header.0);
        // HeaderValueOption.append_action: OVERWRITE_IF_EXISTS_OR_ADD.
        option.number(3, 2);
        http.bytes(2, &option.0);
    }
    let mut response = Message::default();
    if status == StatusCode::OK {
        response.bytes(1, b"");
        response.bytes(3, &http.0);
    } else {
        let mut code = Message::default();
        code.number(1, u64::from(PERMISSION_DENIED));
        response.bytes(1, &code.0);
        let mut code = Message::default();
        code.number(1, u64::from(status.as_u16()));
        http.bytes(1, &code.0);
        http.bytes(3, body);
        response.bytes(2, &http.0);
    }
    response.0
}

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Text, bytes or a message.
    fn bytes(&mut self, number: u64, value: &[u8]) {
        self.varint(number << 3 | 2);
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend(value);
    }

    fn number(&mut self, number: u64, value: u64) {
        self.varint(number << 3);
        self.varint(value);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The last field of that number that is text, bytes or a message: the one that counts.
fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)
        .filter_map(|(found, value)| (found == number).then_some(value))
        .last()
}

/// The fields that are text, bytes or messages, up to where the message is broken.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    iter::from_fn(move || {
        loop {
            let (tag, rest) = varint(message)?;
            (_, message) = match tag & 7 {
                0 => varint(rest)?,
                1 => (0, rest.get(8..)?),
                2 => {
                    let (length, rest) = varint(rest)?;
                    let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                    message = rest;
                    return Some((tag >> 3, value));
                }
                5 => (0, rest.get(4..)?),
                _ => return None,
            };
        }
    })
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (shift, byte) in (0..64).step_by(7).zip(bytes) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(shift / 7 + 1..)?));
        }
    }
    None
}
