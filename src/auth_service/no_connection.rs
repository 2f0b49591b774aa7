//! Why there was no connection, read from the response that Envoy generates in the service's place.
//!
//! Its body is Envoy's own text (`upstream connect error or disconnect/reset before headers. reset reason: …`). Envoy
//! 1.40 keeps the transport's failure out of it, so a refused connection and a failed TLS handshake look alike there;
//! older releases add `transport failure reason: …`.

use std::fmt;

/// Why there was no connection, as far as Envoy tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// Nothing listens there, or the TLS handshake failed.
    Failed,
    /// The TLS handshake failed.
    Tls,
    /// Nothing listens there.
    Refused,
    /// Not within the cluster's `connect_timeout`.
    TimedOut,
    /// It was closed or reset before the response began.
    Closed,
    /// What came is not HTTP of the cluster's version.
    Protocol,
    /// The cluster has no endpoint that could be used.
    NoEndpoint,
    /// The cluster's `circuit_breakers` let no more through.
    Overflow,
    /// Envoy says none of these.
    Unknown,
}

impl NoConnection {
    /// Reads the body of Envoy's own 503.
    pub(super) fn of(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let says = |part: &str| text.contains(part);
        if says("TLS_error") || says("TLS error") {
            Self::Tls
        } else if says("Connection refused") {
            Self::Refused
        } else if says("remote connection failure") || says("local connection failure") {
            Self::Failed
        } else if says("connection timeout") {
            Self::TimedOut
        } else if says("connection termination") || says("remote reset") {
            Self::Closed
        } else if Self::is_protocol_error(body) {
            Self::Protocol
        } else if says("no healthy upstream") {
            Self::NoEndpoint
        } else if says("reset reason: overflow") {
            Self::Overflow
        } else {
            Self::Unknown
        }
    }

    /// Whether the body is that of Envoy's 502 for what is not HTTP.
    pub(super) fn is_protocol_error(body: &[u8]) -> bool {
        std::str::from_utf8(body).is_ok_and(|text| text.contains("reset reason: protocol error"))
    }
}

/// The statistics that tell one TLS failure from another.
const TLS_STATS: &str = "cluster.NAME.ssl.fail_verify_san (the certificate is for another name), \
     ssl.fail_verify_error (not signed by the trusted CA, or expired), ssl.connection_error (no TLS on that port)";

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => write!(
                f,
                "no connection to the auth service: nothing listens there, or the TLS handshake failed; check which of \
                 Envoy's counters increases, with the cluster's name for NAME: {TLS_STATS}, or of these only \
                 cluster.NAME.upstream_cx_connect_fail (nothing listens there)"
            ),
            Self::Tls => write!(
                f,
                "the TLS handshake with the auth service failed; check which of Envoy's counters increases, with the \
                 cluster's name for NAME: {TLS_STATS}"
            ),
            Self::Refused => f.write_str(
                "no connection to the auth service: it was refused; check the address and port of the cluster's endpoint",
            ),
            Self::TimedOut => f.write_str(
                "no connection to the auth service within the cluster's connect_timeout; check the address and port of \
                 the cluster's endpoint, and firewalls between",
            ),
            Self::Closed => f.write_str(
                "the auth service closed the connection before it answered; if it does so each time, it may expect TLS \
                 where the cluster has no transport_socket, or another version of HTTP",
            ),
            Self::Protocol => f.write_str(
                "what the auth service answered is not HTTP of the version that the cluster speaks; give the cluster \
                 http2_protocol_options if the service speaks HTTP/2 only, and none if it speaks HTTP/1.1 only",
            ),
            Self::NoEndpoint => f.write_str(
                "no connection to the auth service: the cluster has no healthy endpoint; check that its host name \
                 resolves, and its health checks (cluster.NAME.membership_healthy)",
            ),
            Self::Overflow => f.write_str(
                "no connection to the auth service: the cluster's circuit_breakers let no more requests through \
                 (cluster.NAME.upstream_rq_pending_overflow)",
            ),
            Self::Unknown => f.write_str("no connection to the auth service"),
        }
    }
}
