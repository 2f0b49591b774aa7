//! The stand-in's HTTP surface: validations, revocations, and what orders the stand-in itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::contract::{self, Validation};
use super::ext_authz::{self, Checks};
use super::faults::{Asked, Fate, Faults, Garbage, Orders};
use super::garbage;
use super::grpc;
use super::introspection;
use super::keys::{Entry, Keys};
use super::listener::{ResetSwitch, ResettableListener};
use super::outage::{Order, Outages};
use super::revocations::{Credential, CursorError, Revocations};
use super::stats::{Shown, Stats};

/// A validation is two short strings.
const MAX_BODY: usize = 64 * 1024;

/// Some hundred thousand keys.
const MAX_KEYS_BODY: usize = 64 * 1024 * 1024;

/// How long replies in flight may take to finish once the end is ordered; an ordered delay may be hours.
const GRACE: Duration = Duration::from_millis(500);

/// Everything a reply depends on.
pub struct Service {
    /// Where validations are POSTed.
    pub path: String,
    /// What answers Envoy's ext_authz filter, if anything is to.
    pub checks: Option<Checks>,
    /// Where revocations are polled.
    pub revocations_path: String,
    /// What whoever polls must send.
    pub revocations_credential: Option<Credential>,
    /// Where tokens are introspected, if anywhere.
    pub introspection_path: Option<String>,
    /// What whoever introspects must send.
    pub introspection_credential: Option<Credential>,
    /// The keys it knows.
    pub keys: Keys,
    /// What was revoked.
    pub revocations: Revocations,
    /// The faults in force.
    pub orders: Orders,
    /// What it was asked so far.
    pub stats: Arc<Stats>,
    /// Where outages are ordered.
    pub outages: Outages,
}

/// Serves until `end` is ready, then for replies in flight a moment longer.
///
/// # Errors
///
/// A listener without an address; else as axum's: never at present.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = ResettableListener::new(listener, service.outages.clone())?;
    let service = Arc::new(service);
    let mut app = Router::new();
    if let Some(path) = &service.introspection_path {
        app = app.route(path, post(introspect));
    }
    if service.checks.is_some() {
        app = app
            .route(&format!("{}/{{*path}}", ext_authz::PREFIX), any(check))
            .route(grpc::PATH, post(check_over_grpc));
    }
    let app = app
        .route(&service.path, post(validate))
        .route(&service.revocations_path, get(poll))
        .route("/keys", put(put_keys))
        .route("/keys/{key_id}", delete(revoke))
        .route("/outage", put(put_outage))
        .route(
            "/faults",
            get(show_faults).put(put_faults).delete(clear_faults),
        )
        .route("/stats", get(show_stats).delete(reset_stats))
        .fallback(not_found)
        .with_state(service)
        .into_make_service_with_connect_info::<ResetSwitch>();

    let ending = Arc::new(tokio::sync::Notify::new());
    let ended = Arc::clone(&ending);
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        end.await;
        ending.notify_one();
    });
    let grace = async move {
        ended.notified().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served,
        () = grace => Ok(()),
    }
}

async fn validate(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
) -> Response {
    let key = contract::bearer(request.headers());
    let known = key.and_then(|key| service.keys.of_the_file(key));
    let key_id = known.as_deref().and_then(Entry::key_id);
    let arrival = service.stats.arrive(key, key_id);
    arrival.traced(request.headers());
    let fate = service.orders.cast(Asked::Validation, key);

    let (head, body) = request.into_parts();
    let validation = read(body).await;
    if let Ok(validation) = &validation {
        arrival.asked(validation);
    }
    let reply = || {
        let body = validation.as_ref().map_err(String::as_str);
        contract::reply(&service.keys, &head.headers, body)
    };
    let response = meet(fate, Asked::Validation, &reset, reply).await;
    if fate.garbage != Some(Garbage::Nothing) {
        arrival.answered(response.status());
    }
    response
}

async fn introspect(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let token = introspection::token(&head.headers, &body);
    let token = token.as_deref().map_err(|defect| *defect);
    let known = token.ok().and_then(|token| service.keys.of_the_file(token));
    let key_id = known.as_deref().and_then(Entry::key_id);
    let arrival = service.stats.arrive(token.ok(), key_id);
    arrival.traced(&head.headers);
    let fate = service.orders.cast(Asked::Validation, token.ok());
    let credential = service.introspection_credential.as_ref();
    let reply = || introspection::reply(&service.keys, &head.headers, credential, token);
    let response = meet(fate, Asked::Validation, &reset, reply).await;
    if fate.garbage != Some(Garbage::Nothing) {
        arrival.answered(response.status());
    }
    response
}

async fn check(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    checked(&service, &reset, &head).await
}

async fn check_over_grpc(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    body: Body,
) -> Response {
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    match grpc::asked(&body) {
        Some(head) => grpc::reply(checked(&service, &reset, &head).await).await,
        None => grpc::failed(grpc::INVALID_ARGUMENT),
    }
}

async fn checked(service: &Service, reset: &ResetSwitch, head: &Parts) -> Response {
    let Some(checks) = &service.checks else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let key = contract::bearer(&head.headers);
    let known = key.and_then(|key| service.keys.of_the_file(key));
    let key_id = known.as_deref().and_then(Entry::key_id);
    let arrival = service.stats.arrive(key, key_id);
    let fate = service.orders.cast(Asked::Validation, key);
    let reply = || checks.reply(&service.keys, head);
    let response = meet(fate, Asked::Validation, reset, reply).await;
    if fate.garbage != Some(Garbage::Nothing) {
        arrival.answered(response.status());
    }
    response
}

/// The reply a request is fated to get; `reply` makes that of the contract, when it is due.
async fn meet(
    fate: Fate,
    asked: Asked,
    reset: &ResetSwitch,
    reply: impl FnOnce() -> Response,
) -> Response {
    if !fate.delay.is_zero() {
        tokio::time::sleep(fate.delay).await;
    }
    let mut response = match (fate.garbage, fate.status) {
        (Some(kind), status) => {
            let status = status.unwrap_or(StatusCode::OK);
            garbage::reply(kind, asked, status, reset).await
        }
        (None, Some(status)) => contract::error(status, "a fault orders this status"),
        (None, None) => reply(),
    };
    if let (Some(_), Some(seconds)) = (fate.status, fate.retry_after) {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The query of a poll.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Poll {
    since: Option<String>,
}

async fn poll(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    headers: HeaderMap,
    query: Result<Query<Poll>, QueryRejection>,
) -> Response {
    service.stats.poll();
    let fate = service.orders.cast(Asked::Revocations, None);
    let reply = || {
        let credential = service.revocations_credential.as_ref();
        if credential.is_some_and(|credential| !credential.is_in(&headers)) {
            return contract::unauthorized("the credential is missing or not valid");
        }
        let since = match query {
            Ok(Query(Poll { since })) => since,
            Err(defect) => {
                return contract::error(StatusCode::BAD_REQUEST, &defect.body_text());
            }
        };
        match service.revocations.page(since.as_deref()) {
            Ok(page) => Json(page).into_response(),
            Err(error) => {
                let status = match error {
                    CursorError::Malformed => StatusCode::BAD_REQUEST,
                    CursorError::OtherRun | CursorError::Forgotten => StatusCode::GONE,
                };
                contract::error(status, &error.to_string())
            }
        }
    };
    meet(fate, Asked::Revocations, &reset, reply).await
}

async fn put_keys(State(service): State<Arc<Service>>, body: Body) -> Response {
    let body = match to_bytes(body, MAX_KEYS_BODY).await {
        Ok(body) => body,
        Err(error) => {
            let defect = format!("the body cannot be read: {error}");
            return contract::error(StatusCode::BAD_REQUEST, &defect);
        }
    };
    match service.keys.put(&body) {
        Ok(changed) => Json(changed).into_response(),
        Err(defect) => contract::error(StatusCode::BAD_REQUEST, &format!("the body{defect}")),
    }
}

async fn revoke(
    State(service): State<Arc<Service>>,
    key_id: Result<Path<String>, PathRejection>,
) -> Response {
    let key_id = match key_id {
        Ok(Path(key_id)) => key_id,
        Err(defect) => return contract::error(StatusCode::BAD_REQUEST, &defect.body_text()),
    };
    match service.keys.revoke(&key_id) {
        0 => contract::error(StatusCode::NOT_FOUND, "no key has this key_id"),
        keys => {
            let reply = Json(json!({ "key_id": key_id, "keys": keys }));
            // After the keys are invalid: whoever polls may ask about them at once.
            service.revocations.note(key_id);
            reply.into_response()
        }
    }
}

async fn put_outage(
    State(service): State<Arc<Service>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    body: Bytes,
) -> Response {
    match contract::strict_object::<Order>(&body) {
        Ok(order) => {
            reset.spare();
            service.outages.order(order).await;
            Json(order).into_response()
        }
        Err(defect) => contract::error(StatusCode::BAD_REQUEST, &defect),
    }
}

async fn read(body: Body) -> Result<Validation, String> {
    let body = to_bytes(body, MAX_BODY)
        .await
        .map_err(|error| format!("the body cannot be read: {error}"))?;
    Validation::parse(&body)
}

async fn show_faults(State(service): State<Arc<Service>>) -> Json<Faults> {
    Json(service.orders.show())
}

async fn put_faults(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    match contract::strict_object(&body) {
        Ok(faults) => {
            service.orders.replace(faults);
            Json(service.orders.show()).into_response()
        }
        Err(defect) => contract::error(StatusCode::BAD_REQUEST, &defect),
    }
}

async fn clear_faults(State(service): State<Arc<Service>>) -> Json<Faults> {
    service.orders.replace(Faults::default());
    Json(service.orders.show())
}

async fn show_stats(State(service): State<Arc<Service>>) -> Json<Shown> {
    Json(service.stats.show())
}

async fn reset_stats(State(service): State<Arc<Service>>) -> Json<Shown> {
    Json(service.stats.reset())
}

async fn not_found(State(service): State<Arc<Service>>) -> Response {
    let message = format!(
        "only {}, {}, /faults, /keys, /outage and /stats are served",
        service.path, service.revocations_path
    );
    contract::error(StatusCode::NOT_FOUND, &message)
}
