//! The fields of a denial: MLflow's error format (mlflow/exceptions.py) and what is missing.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) error_code: &'static str,
    pub(super) message: String,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) required_permission: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) granting_scopes: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_scopes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workspace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_workspaces: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) covers: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
}
