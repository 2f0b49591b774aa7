//! What a request names, read as a shell hands it over: headers first, then perhaps a body.

mod artifacts;
mod bodies;
mod clients;
mod framing;
mod kinds;
mod queries;
mod sources;

use super::{Demand, Located, NameKind, Place, locate, read_body};
use crate::catalog::{CATALOG, Operation};
use crate::permission::Permission;
use crate::request::{Header, RequestHead};

const CREATE: &str = "/api/2.0/mlflow/registered-models/create";
const JSON: Header<'static> = (b"content-type", b"application/json");

/// One that names in its body, with the headers that all clients send.
fn post(target: &str, body: &[u8]) -> Result<Vec<String>, String> {
    send("POST", target, body)
}

fn send(method: &str, target: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let length = body.len().to_string();
    let headers = [JSON, (b"content-length", length.as_bytes())];
    request(method, target, &headers, body)
}

fn get(target: &str) -> Result<Vec<String>, String> {
    request("GET", target, &[], b"")
}

/// What a request demands, a text each; or why it cannot be told.
fn request(
    method: &str,
    target: &str,
    more: &[Header<'_>],
    body: &[u8],
) -> Result<Vec<String>, String> {
    below("", method, target, more, body)
}

/// The same below a mount.
fn below(
    mount: &str,
    method: &str,
    target: &str,
    more: &[Header<'_>],
    body: &[u8],
) -> Result<Vec<String>, String> {
    let (operation, required) = operation(method, target);
    let target = format!("{mount}{target}");
    let mut headers: Vec<Header<'_>> = vec![
        (b":method", method.as_bytes()),
        (b":path", target.as_bytes()),
    ];
    headers.extend(more);
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let place = Place {
        mount,
        has_workspaces: false,
    };
    let demands = match locate(operation, required, place, &head).map_err(|u| u.to_string())? {
        Located::Here(demands) => demands,
        Located::InBody => {
            read_body(operation, required, &head, body).map_err(|u| u.to_string())?
        }
        Located::Everywhere => return Ok(vec!["everything".to_owned()]),
        Located::Nowhere => return Ok(vec!["nothing".to_owned()]),
    };
    Ok(demands.iter().map(shown).collect())
}

fn operation(method: &str, target: &str) -> (&'static Operation, Permission) {
    let path = target.split(['?', '#']).next().unwrap();
    let operation = CATALOG.find(method, path).expect("a known operation");
    (
        operation,
        Permission::new(operation.object, operation.access),
    )
}

/// `registered_model:write acme`; ids with `#` before them, any object as `*`.
fn shown(demand: &Demand) -> String {
    let name = demand.name.as_ref().map_or("*".to_owned(), |name| {
        let sign = match name.kind {
            NameKind::Name => "",
            NameKind::ExperimentId => "#",
        };
        let alias = name.alias.as_ref().map(|alias| format!("@{alias}"));
        format!("{sign}{}{}", name.text, alias.unwrap_or_default())
    });
    format!("{} {name}", demand.permission)
}
