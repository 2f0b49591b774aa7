//! Any reply of the auth service (first line: status, then the body): nothing of it gets into an error text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::auth_service::{Contract, Reply, Revocations, Verdict};

const SECRET: &str = "hk_live_secret";

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (status, body) = data.split_at(split);
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|s| s.trim().parse().ok())
        .unwrap_or(200);
    for from_service in [true, false] {
        let body = body.get(1..).unwrap_or_default();
        let seconds = status.to_string();
        let reply = Reply::Response {
            status,
            from_service,
            retry_after: Some(seconds.as_bytes()),
            cache_control: Some(body),
            body,
        };
        if let Revocations::Unavailable(failure) = reply.revocations() {
            assert!(!failure.to_string().contains(SECRET));
        }
        match reply.verdict(&Contract::default()) {
            Verdict::Valid(..) => assert_eq!(status, 200),
            Verdict::Unavailable(failure) => assert!(!failure.to_string().contains(SECRET)),
            Verdict::RateLimited { retry_after } => assert!(retry_after.is_none_or(|s| s <= 60)),
            // A 200 may say that the key is not valid.
            Verdict::Invalid => assert!(matches!(status, 200 | 401)),
            Verdict::Refused => assert_eq!(status, 403),
        }
    }
});
