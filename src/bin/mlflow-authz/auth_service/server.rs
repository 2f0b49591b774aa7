//! The stand-in's HTTP surface: validations, `/faults` and `/stats`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::contract::{self, Validation};
use super::faults::{Faults, Orders};
use super::garbage;
use super::keys::Keys;
use super::listener::{ResetSwitch, ResettableListener};
use super::stats::{Shown, Stats};

/// A validation is two short strings.
const MAX_BODY: usize = 64 * 1024;

/// How long replies in flight may take to finish once the end is ordered; an ordered delay may be hours.
const GRACE: Duration = Duration::from_millis(500);

/// Everything a reply depends on.
pub struct Service {
    /// Where validations are POSTed.
    pub path: String,
    /// The keys it knows.
    pub keys: Keys,
    /// The faults in force.
    pub orders: Orders,
    /// What it was asked so far.
    pub stats: Arc<Stats>,
}

/// Serves until `end` is ready, then for replies in flight a moment longer.
///
/// # Errors
///
/// As axum's: never at present.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = Arc::new(service);
    let app = Router::new()
        .route(&service.path, post(validate))
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
    let server =
        axum::serve(ResettableListener(listener), app).with_graceful_shutdown(async move {
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
    let arrival = service.stats.arrive();
    let fate = service.orders.cast();

    let (head, body) = request.into_parts();
    let validation = read(body).await;
    if let Ok(validation) = &validation {
        arrival.asked(validation);
    }
    if !fate.delay.is_zero() {
        tokio::time::sleep(fate.delay).await;
    }

    let response = match (fate.garbage, fate.status) {
        (Some(kind), status) => garbage::reply(kind, status.unwrap_or(StatusCode::OK), &reset),
        (None, Some(status)) => contract::error(status, "a fault orders this status"),
        (None, None) => contract::reply(
            &service.keys,
            &head.headers,
            validation.as_ref().map_err(String::as_str),
        ),
    };
    arrival.answered(response.status());
    response
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
    let message = format!("only {}, /faults and /stats are served", service.path);
    contract::error(StatusCode::NOT_FOUND, &message)
}
