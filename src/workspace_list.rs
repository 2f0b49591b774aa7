//! The answer to `ListWorkspaces` for a key that is limited to workspaces: those that it names literally. MLflow would
//! list all there are, and its page offers what is listed.
//!
//! The shape is MLflow's own (`ListWorkspaces.Response`, mlflow/protos/service.proto), of which the page reads the names.

use serde::Serialize;

use crate::decision::Decision;
use crate::denial::Answer;
use crate::policy::{Policy, Within};
use crate::workspace;

#[derive(Serialize)]
struct Listed<'a> {
    workspaces: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

/// The workspaces of the decision's principal. A pattern names none.
pub(crate) fn answer(decision: &Decision, policy: &Policy) -> Answer {
    let principal = decision.principal.as_deref();
    let workspaces = principal.map(|it| policy.rights(it, Within::Somewhere).workspaces());
    let names = workspaces.unwrap_or_default().into_iter();
    let names = names.filter(|it| workspace::is_literal(it));
    let listed = Listed {
        workspaces: names.map(|name| Named { name }).collect(),
    };
    Answer {
        status: 200,
        headers: vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
        ],
        body: serde_json::to_string(&listed).unwrap_or_default(),
    }
}
