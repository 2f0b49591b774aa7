//! What an operator is told of an auth service that does not answer as it should.

use super::answered;
use crate::auth_service::{Failure, NoConnection, Verdict};

/// Envoy's own answers, as Envoy 1.40 makes them and with what older releases add.
#[test]
fn no_connection_is_told_as_far_as_envoy_tells() {
    let reset = "upstream connect error or disconnect/reset before headers. reset reason: ";
    for (status, body, expected, says) in [
        (
            503,
            "remote connection failure",
            NoConnection::Failed,
            "ssl.fail_verify_san",
        ),
        (
            503,
            "remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:\
             OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end",
            NoConnection::Tls,
            "the TLS handshake with the auth service failed",
        ),
        (
            503,
            "remote connection failure, transport failure reason: delayed connect error: Connection refused",
            NoConnection::Refused,
            "it was refused",
        ),
        (
            503,
            "connection timeout",
            NoConnection::TimedOut,
            "connect_timeout",
        ),
        (
            503,
            "connection termination",
            NoConnection::Closed,
            "may expect TLS",
        ),
        (503, "overflow", NoConnection::Overflow, "circuit_breakers"),
        (
            502,
            "protocol error",
            NoConnection::Protocol,
            "http2_protocol_options",
        ),
        (
            503,
            "SECRET",
            NoConnection::Unknown,
            "no connection to the auth service",
        ),
    ] {
        let text = format!("{reset}{body}");
        let verdict = answered(status, false, text.as_bytes());
        let failure = Failure::Unreachable(expected);
        assert_eq!(verdict, Verdict::Unavailable(failure.clone()), "{body}");
        assert_eq!(verdict.outcome(), "unreachable");
        let shown = failure.to_string();
        assert!(shown.contains(says) && !shown.contains("SECRET"), "{shown}");
    }
    let none = answered(503, false, b"no healthy upstream");
    let failure = Failure::Unreachable(NoConnection::NoEndpoint);
    assert_eq!(none, Verdict::Unavailable(failure));
    // What the service itself says is no word about the connection.
    for status in [502, 503] {
        let text = format!("{reset}protocol error");
        let verdict = answered(status, true, text.as_bytes());
        assert_eq!(verdict, Verdict::Unavailable(Failure::Status(status)));
    }
}

#[test]
fn each_status_outside_the_contract_has_its_own_advice() {
    let said: Vec<String> = [201, 202, 204, 301, 400, 404, 405, 415, 422]
        .map(|status| Failure::UnexpectedStatus(status).to_string())
        .into();
    for (index, text) in said.iter().enumerate() {
        assert!(
            !said
                .iter()
                .take(index)
                .any(|other| other.get(30..) == text.get(30..)),
            "{text}"
        );
    }
    for (status, says) in [
        (201, "makes keys"),
        (204, "without a body"),
        (301, "redirects"),
        (302, "redirects"),
        (400, "auth_service.authority"),
        (404, "check auth_service.path"),
        (405, "auth_service.method"),
        (415, "auth_service.key_in"),
        (422, "auth_service.service_id"),
        (418, "check auth_service.path"),
    ] {
        let text = Failure::UnexpectedStatus(status).to_string();
        assert!(
            text.contains(&format!("answered {status}")) && text.contains(says),
            "{text}"
        );
    }
    // A poll has a path of its own.
    let poll = Failure::UnexpectedStatus(404).of_a_poll();
    assert!(
        poll.contains("check revocation.path") && !poll.contains("auth_service.path"),
        "{poll}"
    );
    let refused = Failure::UnexpectedStatus(401).of_a_poll();
    assert!(
        refused.contains("revocation.credential_header"),
        "{refused}"
    );
    assert_eq!(Failure::Timeout.of_a_poll(), "the callout timed out");
}
