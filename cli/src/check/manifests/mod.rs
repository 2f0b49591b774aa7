//! Every way to MLflow that manifests describe: whether the filter runs on it, inside a mount.
//!
//! Istio's and the Gateway API's routes become [`Way`]s, the filter's manifests become [`Instance`]s, and the rules
//! here are about these two. MLflow is where requests below a mount end; it is known by its endpoint, not by a name.

pub mod coverage;
pub mod endpoint;
pub mod ingress;
pub mod object;
pub mod others;
pub mod path;
pub mod placeholders;
mod problem;
pub mod protection;
mod reach;
mod unrouted;
pub mod verification;
pub mod way;

pub use self::coverage::{Control, Instance};
pub use self::endpoint::Directory;
pub use self::way::Way;
