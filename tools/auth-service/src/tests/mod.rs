//! The stand-in over real sockets, seen by a client that reads raw bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod contract;
mod ext_authz;
mod faults;
mod garbage;
mod grpc;
mod introspection;
mod key_changes;
mod keys;
mod lifecycle;
mod load_keys;
mod outage;
mod revocations;
mod stats;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use super::{Args, server};

const PATH: &str = "/api/v1/keys/validate";
const REVOCATIONS: &str = "/api/v1/keys/revocations";
const KEY: &str = "hk_live_contributor";
const PATIENCE: Duration = Duration::from_secs(10);

/// A file that goes away with the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(content: impl AsRef<[u8]>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("auth-service-{}-{number}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The service a command line asks for.
fn service(keys: &Value, flags: &[&str]) -> server::Service {
    let file = TempFile::new(keys.to_string());
    let mut line = vec!["auth-service", "--keys", file.path().to_str().unwrap()];
    line.extend(flags);
    let line = Args::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    super::service(line).unwrap()
}

/// A running stand-in. Its thread ends with the process.
struct StandIn(SocketAddr);

impl StandIn {
    fn start(keys: &Value, flags: &[&str]) -> Self {
        Self::serve(service(keys, flags))
    }

    fn serve(service: server::Service) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                server::serve(listener, service, std::future::pending()).await
            })
        });
        Self(address)
    }

    /// One that knows `KEY`.
    fn with_flags(flags: &[&str]) -> Self {
        let keys = json!({"keys": [{"key": KEY, "user_id": "u1", "scopes": ["model:read"]}]});
        Self::start(&keys, flags)
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: auth\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        stream
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        Reply::read(self.send(method, path, headers, body))
    }

    /// A validation as the filter sends it.
    fn validate(&self, key: &str) -> Reply {
        let headers = bearer(key);
        self.request("POST", PATH, &headers, r#"{"service_id":"mlflow"}"#)
    }

    fn put_faults(&self, faults: &Value) -> Reply {
        self.request("PUT", "/faults", "", &faults.to_string())
    }

    fn put_keys(&self, keys: &Value) -> Reply {
        self.request("PUT", "/keys", "", &keys.to_string())
    }

    fn revoke(&self, key_id: &str) -> Reply {
        self.request("DELETE", &format!("/keys/{key_id}"), "", "")
    }

    /// A poll of the revocations, from the oldest or from a cursor on.
    fn poll(&self, since: Option<&str>) -> Reply {
        let query = since.map(|cursor| format!("?since={cursor}"));
        let target = [REVOCATIONS, &query.unwrap_or_default()].concat();
        self.request("GET", &target, "", "")
    }

    fn stats(&self) -> Value {
        self.request("GET", "/stats", "", "").json()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n")
}

/// What there is to read, and how it ended if not in good order.
fn read_to_end(mut stream: TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|e| e.kind());
    (bytes, end)
}

/// What a client saw, to the last byte.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// How the connection ended, if not in good order.
    end: Option<io::ErrorKind>,
}

impl Reply {
    fn read(stream: TcpStream) -> Self {
        Self::parse(read_to_end(stream))
    }

    /// `None` where the connection was reset before a byte of a reply.
    fn of(stream: TcpStream) -> Option<Self> {
        match read_to_end(stream) {
            (bytes, Some(io::ErrorKind::ConnectionReset)) if bytes.is_empty() => None,
            read => Some(Self::parse(read)),
        }
    }

    fn parse((bytes, end): (Vec<u8>, Option<io::ErrorKind>)) -> Self {
        let split = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head in {:?}, {end:?}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: bytes[split + 4..].to_vec(),
            end,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }
}
