mod bodies;
mod failures;
mod grants;
mod introspection;
mod requests;
mod rights;
mod shapes;
mod workspaces;

use super::{AuthServiceClient, Contract, ContractError, Failure, NoConnection, Reply, Verdict};
use crate::config::Config;
use crate::config::tests::mounted;
use crate::credential::{ApiKey, MAX_KEY_BYTES};

fn client(auth_service: &str) -> AuthServiceClient {
    let text = mounted(&format!(r#""auth_service": {auth_service}"#));
    AuthServiceClient::new(
        Config::parse(text.as_bytes())
            .unwrap()
            .auth_service
            .unwrap(),
    )
}

fn key(text: &str) -> ApiKey<'_> {
    ApiKey::sent(text.as_bytes(), MAX_KEY_BYTES).unwrap()
}

/// A reply of the service itself, without headers that count.
pub(crate) const fn reply(status: u16, body: &[u8]) -> Reply<'_> {
    Reply::Response {
        status,
        from_service: true,
        retry_after: None,
        cache_control: None,
        body,
    }
}

fn answered(status: u16, from_service: bool, body: &[u8]) -> Verdict {
    Reply::Response {
        status,
        from_service,
        retry_after: None,
        cache_control: None,
        body,
    }
    .verdict(&Contract::default())
}

#[test]
fn the_question() {
    let service = client(
        r#"{"cluster": "c", "authority": "auth.internal", "path": "/v", "service_id": "m\"f", "timeout": "250ms"}"#,
    );
    let callout = service.ask(&key("K1"), Some("10.0.0.1"));
    assert_eq!(callout.cluster, "c");
    assert_eq!(callout.timeout.as_millis(), 250);
    let headers: Vec<(&str, &str)> = callout
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let expected = [
        (":method", "POST"),
        (":path", "/v"),
        (":authority", "auth.internal"),
        ("authorization", "Bearer K1"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(callout.body, br#"{"service_id":"m\"f"}"#);
}

#[test]
fn the_address_goes_along_where_configured() {
    let service = client(r#"{"cluster": "c", "send_client_ip": true}"#);
    for (address, body) in [
        (
            Some("10.0.0.1"),
            r#"{"service_id":"mlflow","client_ip":"10.0.0.1"}"#,
        ),
        (
            Some("::1\""),
            r#"{"service_id":"mlflow","client_ip":"::1\""}"#,
        ),
        (None, r#"{"service_id":"mlflow"}"#),
    ] {
        assert_eq!(
            service.ask(&key("K1"), address).body,
            body.as_bytes(),
            "{address:?}"
        );
    }
}

#[test]
fn debug_hides_the_key_of_a_callout() {
    let callout = client(r#"{"cluster": "auth"}"#).ask(&key("hk_live_secret"), None);
    assert_eq!(format!("{callout:?}"), "Callout(auth, hidden)");
    assert!(!format!("{:#?}", Some(callout)).contains("secret"));
}

#[test]
fn digests_differ_where_principals_may() {
    let plain = r#"{"cluster": "c"}"#;
    let with_ip = r#"{"cluster": "c", "send_client_ip": true}"#;
    let digest = |config: &str, text: &str, address| client(config).digest(&key(text), address);
    let base = digest(plain, "K1", None);
    assert_eq!(
        digest(plain, "K1", Some("10.0.0.1")),
        base,
        "the address is not sent"
    );
    for (config, text, address) in [
        (plain, "K2", None),
        (plain, "k1", None),
        (with_ip, "K1", None),
        (with_ip, "K1", Some("10.0.0.1")),
        (with_ip, "K1", Some("10.0.0.2")),
        (with_ip, "K110.0.0.1", None),
        (r#"{"cluster": "d"}"#, "K1", None),
        (r#"{"cluster": "c", "path": "/v"}"#, "K1", None),
        (r#"{"cluster": "c", "authority": "d"}"#, "K1", None),
        (r#"{"cluster": "c", "service_id": "d"}"#, "K1", None),
    ] {
        assert_ne!(
            digest(config, text, address),
            base,
            "{config} {text} {address:?}"
        );
    }
    let sent = |address| digest(with_ip, "K1", Some(address));
    assert_ne!(sent("10.0.0.1"), sent("10.0.0.2"));
    assert_ne!(sent("1"), digest(with_ip, "K11", None));
    assert_eq!(sent("10.0.0.1"), sent("10.0.0.1"));
}

/// What is kept beside the principals is named after the service, and read by every VM that asks it.
#[test]
fn fingerprints_name_the_service_and_not_the_key() {
    let base = client(r#"{"cluster": "c"}"#).fingerprint();
    assert!(base.len() == 16 && base.bytes().all(|b| b.is_ascii_hexdigit()));
    for (config, same) in [
        (r#"{"cluster": "c", "timeout": "1s"}"#, true),
        (r#"{"cluster": "c", "authority": "c"}"#, true),
        (r#"{"cluster": "d"}"#, false),
        (r#"{"cluster": "c", "path": "/v"}"#, false),
        (r#"{"cluster": "c", "authority": "d"}"#, false),
        (r#"{"cluster": "c", "service_id": "d"}"#, false),
        (r#"{"cluster": "c", "send_client_ip": true}"#, false),
    ] {
        assert_eq!(client(config).fingerprint() == base, same, "{config}");
    }
}

#[test]
fn statuses() {
    use Failure::{Status, Timeout, UnexpectedStatus, Unreachable};
    use Verdict::{Invalid, Refused, Unavailable};
    for (status, from_service, expected, outcome) in [
        (401, true, Invalid, "invalid"),
        (403, true, Refused, "refused"),
        (500, true, Unavailable(Status(500)), "error"),
        (503, true, Unavailable(Status(503)), "error"),
        (504, true, Unavailable(Status(504)), "error"),
        (504, false, Unavailable(Timeout), "timeout"),
        (
            503,
            false,
            Unavailable(Unreachable(NoConnection::Unknown)),
            "unreachable",
        ),
        (502, false, Unavailable(Status(502)), "error"),
        (599, true, Unavailable(Status(599)), "error"),
        (
            0,
            true,
            Unavailable(UnexpectedStatus(0)),
            "unexpected_status",
        ),
        (
            100,
            true,
            Unavailable(UnexpectedStatus(100)),
            "unexpected_status",
        ),
        (
            201,
            true,
            Unavailable(UnexpectedStatus(201)),
            "unexpected_status",
        ),
        (
            204,
            true,
            Unavailable(UnexpectedStatus(204)),
            "unexpected_status",
        ),
        (
            302,
            true,
            Unavailable(UnexpectedStatus(302)),
            "unexpected_status",
        ),
        (
            400,
            true,
            Unavailable(UnexpectedStatus(400)),
            "unexpected_status",
        ),
        (
            404,
            true,
            Unavailable(UnexpectedStatus(404)),
            "unexpected_status",
        ),
    ] {
        // A body that would be good on a 200 changes nothing.
        let verdict = answered(
            status,
            from_service,
            br#"{"scopes": ["admin"], "is_admin": true}"#,
        );
        assert_eq!(verdict, expected, "{status} {from_service}");
        assert_eq!(verdict.outcome(), outcome, "{status} {from_service}");
    }
    assert_eq!(
        Reply::Reset.verdict(&Contract::default()),
        Unavailable(Failure::Reset)
    );
    assert_eq!(
        Reply::NotSent.verdict(&Contract::default()),
        Unavailable(Failure::NotSent)
    );
    assert_eq!(answered(200, true, br#"{"scopes": []}"#).outcome(), "valid");
}

#[test]
fn failures_call_an_operator_or_speak_for_the_whole_service() {
    let contract = Failure::Contract(ContractError::NotJson);
    for (failure, calls, outage) in [
        (Failure::Timeout, false, true),
        (Failure::Unreachable(NoConnection::Unknown), false, true),
        (Failure::Reset, false, true),
        (Failure::Status(500), false, true),
        (Failure::UnexpectedStatus(404), true, false),
        (contract, true, false),
        (Failure::NotSent, true, true),
    ] {
        assert_eq!(failure.is_misconfiguration(), calls, "{failure}");
        assert_eq!(failure.is_outage(), outage, "{failure}");
    }
}

#[test]
fn retry_after_of_a_429() {
    for (value, seconds) in [
        (None, None),
        (Some("7"), Some(7)),
        (Some(" 7 "), Some(7)),
        (Some("0"), Some(0)),
        (Some("60"), Some(60)),
        (Some("61"), Some(60)),
        (Some("99999999999999999999999"), Some(60)),
        (Some(""), None),
        (Some("-1"), None),
        (Some("+5"), None),
        (Some("1.5"), None),
        (Some("1, 2"), None),
        (Some("Fri, 31 Dec 1999 23:59:59 GMT"), None),
        (Some("١"), None),
    ] {
        let retry_after = value.map(str::as_bytes);
        let reply = Reply::Response {
            status: 429,
            from_service: true,
            retry_after,
            cache_control: Some(b"max-age=60"),
            body: b"",
        };
        assert_eq!(
            reply.verdict(&Contract::default()),
            Verdict::RateLimited {
                retry_after: seconds
            },
            "{value:?}"
        );
    }
    let retry_after = Some(b"\xff\xfe".as_slice());
    let reply = Reply::Response {
        status: 429,
        from_service: true,
        retry_after,
        cache_control: None,
        body: b"",
    };
    assert_eq!(
        reply.verdict(&Contract::default()),
        Verdict::RateLimited { retry_after: None }
    );
}

#[test]
fn a_digest_is_another_in_whichever_byte_it_differs() {
    let digest = super::KeyDigest([7; 32]);
    assert_eq!(digest, super::KeyDigest([7; 32]));
    for at in 0..32 {
        let mut bytes = [7; 32];
        bytes[at] = 8;
        assert_ne!(digest, super::KeyDigest(bytes), "{at}");
    }
}
