//! The fields of a denial: MLflow's error format (mlflow/exceptions.py) and what is missing.

use crate::json::{ObjectWriter, first, next};
use crate::permission::Permission;

/// The room that is made for a text at once, in bytes. Most have less.
const USUAL_LENGTH: usize = 1024;

pub(super) struct Body<'a> {
    pub(super) error_code: &'static str,
    pub(super) message: String,
    pub(super) reason: &'static str,
    pub(super) operation: Option<&'static str>,
    pub(super) required_permission: Option<Permission>,
    pub(super) granting_scopes: Option<&'a [&'a str]>,
    pub(super) key_scopes: Option<&'a [String]>,
    pub(super) workspace: Option<&'a str>,
    pub(super) key_workspaces: Option<Vec<&'a str>>,
    pub(super) covers: Option<&'static str>,
    pub(super) request_id: Option<&'a str>,
}

impl Body<'_> {
    pub(super) fn json(&self) -> String {
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        let mut json = ObjectWriter(&mut text);
        json.word(first!("error_code"), self.error_code);
        json.text(next!("message"), &self.message);
        json.word(next!("reason"), self.reason);
        if let Some(operation) = self.operation {
            json.word(next!("operation"), operation);
        }
        if let Some(permission) = self.required_permission {
            json.words(next!("required_permission"), &permission.parts());
        }
        if let Some(scopes) = self.granting_scopes {
            json.texts(next!("granting_scopes"), scopes);
        }
        if let Some(scopes) = self.key_scopes {
            json.texts(next!("key_scopes"), scopes);
        }
        if let Some(workspace) = self.workspace {
            json.text(next!("workspace"), workspace);
        }
        if let Some(workspaces) = &self.key_workspaces {
            json.texts(next!("key_workspaces"), workspaces);
        }
        if let Some(covers) = self.covers {
            json.word(next!("covers"), covers);
        }
        if let Some(id) = self.request_id {
            json.text(next!("request_id"), id);
        }
        json.end();
        String::from_utf8(text).unwrap_or_default()
    }
}
