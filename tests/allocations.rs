//! A cached allow allocates nothing in the engine, from the request's headers to what goes upstream.
//!
//! Beside the counting allocator this needs nothing that only tests have: it drives the engine as a shell does.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

use std::time::Duration;

use allocation_counter::measure;
use mlflow_authz::auth_service::Reply;
use mlflow_authz::request::Header;
use mlflow_authz::shared_data::LocalData;
use mlflow_authz::{Config, Engine, HostContext, Next, Outbox, RequestHead, StreamId};

const STREAM: StreamId = StreamId(1);

/// What the service says of each key.
const WRITER: &str = r#"{"user_id": "user 1", "key_id": "key_1", "scopes": ["mlflow:access", "model:write", "tracking:write"], "roles": ["none"]}"#;

/// What MLflow's client and the proxies in front of Envoy send beside the key.
const CLIENT: &[Header<'_>] = &[
    (b":authority", b"registry.example:8443"),
    (b":scheme", b"https"),
    (b"user-agent", b"mlflow-python-client/3.17.2"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept", b"*/*"),
    (b"connection", b"keep-alive"),
    (b"content-type", b"application/json"),
    (b"content-length", b"120"),
    (b"x-forwarded-for", b"192.0.2.1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-request-id", b"b9f4b6de-4ffc-4b1e-a0c4-f3bd07b05e1b"),
    (
        b"traceparent",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
];

const BEARER: Header<'_> = (b"authorization", b"Bearer hk_live_0123456789abcdef");
/// `user:hk_live_0123456789abcdef`.
const BASIC: Header<'_> = (
    b"authorization",
    b"Basic dXNlcjpoa19saXZlXzAxMjM0NTY3ODlhYmNkZWY=",
);
const X_API_KEY: Header<'_> = (b"x-api-key", b"hk_live_0123456789abcdef");

/// A proxy's worker with one configuration.
struct Shell {
    engine: Engine,
    shared: LocalData,
    outbox: Outbox,
}

impl Shell {
    fn new(config: &str) -> Self {
        let service = if config.contains("auth_service") {
            ""
        } else {
            r#", "auth_service": {"cluster": "auth"}"#
        };
        let mounts = if config.contains(r#""mounts""#) {
            ""
        } else {
            r#", "mounts": ["/api/mlflow", "/"]"#
        };
        let text = format!(r#"{{"version": 1{service}{mounts}{config}}}"#);
        let parsed = Config::parse(text.as_bytes()).expect("a good configuration");
        Self {
            engine: Engine::new(parsed, text.as_bytes()),
            shared: LocalData::default(),
            outbox: Outbox::default(),
        }
    }

    /// One request, and what it left is thrown away.
    fn send(&mut self, head: &RequestHead<'_>) -> Next {
        let context = HostContext {
            now: Duration::from_secs(1_000_000),
            shared: &self.shared,
        };
        let next = self.engine.on_request_headers(STREAM, &context, head);
        self.empty();
        next
    }

    fn empty(&mut self) {
        // As the filter's metrics are: taken out one by one.
        self.engine.swap_outbox(&mut self.outbox);
        self.outbox.metrics.clear();
        self.outbox.wake.clear();
        assert!(self.outbox.is_empty());
    }

    /// A request whose key is asked about if need be.
    fn exchange(&mut self, head: &RequestHead<'_>) -> Next {
        let context = HostContext {
            now: Duration::from_secs(1_000_000),
            shared: &self.shared,
        };
        let next = self.engine.on_request_headers(STREAM, &context, head);
        let Next::Wait = next else {
            return next;
        };
        let reply = Reply::Response {
            status: 200,
            from_service: true,
            retry_after: None,
            cache_control: None,
            body: WRITER.as_bytes(),
        };
        for (callout, _) in self.engine.take_outbox().callouts {
            self.engine.on_callout_reply(callout, &context, &reply);
        }
        let next = self.engine.on_woken(STREAM, &context, head);
        self.empty();
        next.expect("the stream waits")
    }

    /// How often a request allocates once its key is cached, and its reason.
    fn allocations(
        &mut self,
        method: &str,
        path: &str,
        more: &[Header<'_>],
    ) -> (u64, &'static str) {
        let headers: Vec<Header<'_>> = [
            (&b":method"[..], method.as_bytes()),
            (b":path", path.as_bytes()),
        ]
        .into_iter()
        .chain(CLIENT.iter().copied())
        .chain(more.iter().copied())
        .collect();
        let head = RequestHead {
            headers: &headers,
            facts: Some(&"192.0.2.1"),
        };
        // The first brings the key, the second lets buffers grow to their size.
        self.exchange(&head);
        self.send(&head);
        let mut next = Next::Wait;
        let counted = measure(|| next = self.send(&head));
        let reason = next.decision().map_or("none", |it| it.reason.as_str());
        (counted.count_total, reason)
    }
}

#[test]
fn a_cached_allow_allocates_nothing() {
    let cases: &[(&str, &str)] = &[
        ("GET", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=4f1c"),
        ("HEAD", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=4f1c"),
        ("POST", "/api/mlflow/api/2.0/mlflow/runs/log-batch"),
        ("POST", "/api/2.0/mlflow/registered-models/alias"),
        ("PATCH", "/ajax-api/2.0/mlflow/registered-models/update"),
        ("GET", "/api/3.0/mlflow/traces/tr-1"),
        ("POST", "/api/3.0/mlflow/traces/tr-1/assessments"),
        ("PATCH", "/api/2.0/mlflow/logged-models/m-1/tags"),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/4f1c/artifacts/model/MLmodel",
        ),
        (
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/1/4f1c/artifacts/model/MLmodel",
        ),
        (
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/1/4f1c/artifacts/my%20plot.png",
        ),
        ("POST", "/v1/traces"),
        // An endpoint that no table knows.
        ("GET", "/api/2.0/mlflow/no/such/endpoint"),
    ];
    let configurations = [
        "",
        r#", "credentials": ["bearer", "basic", "x-api-key", "query"]"#,
        r#", "auth_service": {"cluster": "auth", "send_client_ip": true}"#,
        r#", "forward_credential": false"#,
        r#", "mode": "shadow""#,
        r#", "key_pattern": "hk_live_*""#,
        r#", "overrides": [{"match": {"host": "registry.*"}, "enforce_percent": 50},
                           {"match": {"object": "trace"}, "mode": "shadow"}]"#,
    ];
    for config in configurations {
        let mut shell = Shell::new(config);
        for credential in [BEARER, BASIC, X_API_KEY] {
            for (method, path) in cases {
                let proxied = [credential, (&b"x-forwarded-prefix"[..], &b"/"[..])];
                for headers in [&proxied[..1], &proxied] {
                    assert_eq!(
                        shell.allocations(method, path, headers),
                        (0, "allowed"),
                        "{method} {path} {config} {}",
                        String::from_utf8_lossy(credential.1),
                    );
                }
            }
        }
    }
}

/// Only a request that is allowed has nothing to say. This also shows that the counter counts.
#[test]
fn what_is_written_for_one_request_is_allocated() {
    let mut shell = Shell::new("");
    let (count, reason) = shell.allocations("POST", "/api/2.0/mlflow/users/create", &[BEARER]);
    assert_eq!(reason, "scope_missing");
    assert!(count > 0);
    // A spoofed identity header goes under the name it came with.
    let spoofed = [BEARER, (&b"X_Mlflow_Authz_User"[..], &b"root"[..])];
    let (count, reason) = shell.allocations("POST", "/api/2.0/mlflow/runs/create", &spoofed);
    assert_eq!((count, reason), (1, "allowed"));
}

/// A thousand keys in turn cost no more than one.
#[test]
fn many_cached_keys_allocate_nothing() {
    let keys: Vec<String> = (0..1000).map(|n| format!("Bearer hk_live_{n}")).collect();
    let mut shell = Shell::new("");
    let mut counted = 0;
    for _ in ["asked", "cached"] {
        counted = 0;
        for key in &keys {
            let header: Header<'_> = (b"authorization", key.as_bytes());
            let (count, reason) =
                shell.allocations("POST", "/api/2.0/mlflow/runs/create", &[header]);
            assert_eq!(reason, "allowed");
            counted += count;
        }
    }
    assert_eq!(counted, 0);
}
