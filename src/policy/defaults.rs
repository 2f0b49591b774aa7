//! The default scope table: least privilege. Configuration replaces it entry by entry.

use std::collections::HashMap;

use crate::catalog::{Access, Object};
use crate::permission::{Permission, PermissionSet};
use Access::{Delete, Promote, Read, Use, Write};
use Object::{
    Artifact, Dataset, Experiment, Gateway, LoggedModel, ModelVersion, RegisteredModel, Run, Trace,
};

const TRACKING: &[Object] = &[Experiment, Run, LoggedModel, Artifact, Dataset, Trace];

const REGISTRY_AND_TRACKING: &[Object] = &[
    Experiment,
    Run,
    LoggedModel,
    RegisteredModel,
    ModelVersion,
    Artifact,
    Dataset,
    Trace,
];

/// The words without a prefix. Authorization servers use them for applications of all kinds.
pub(super) const BARE: &[&str] = &["read", "write", "admin", "full_access"];

pub(super) fn scopes() -> HashMap<String, PermissionSet> {
    let mut table = HashMap::new();
    let mut define = |names: &[&str], set: PermissionSet| {
        for name in names {
            table.insert((*name).to_owned(), set.clone());
        }
    };
    define(
        &["model:read", "mlflow:read", "mlflow:access", "read"],
        on_everything(&[Read]),
    );
    define(
        &["model:register"],
        on(REGISTRY_AND_TRACKING, &[Read, Write]),
    );
    define(
        &["model:write"],
        on(REGISTRY_AND_TRACKING, &[Read, Write, Promote]),
    );
    define(
        &["model:promote"],
        on(&[RegisteredModel, ModelVersion], &[Read, Promote]),
    );
    define(
        &["model:delete"],
        on(REGISTRY_AND_TRACKING, &[Read, Delete]),
    );
    define(&["tracking:write"], on(TRACKING, &[Read, Write]));
    define(
        &["mlflow:write", "write"],
        on_everything(&[Read, Write, Promote]),
    );
    define(&["mlflow:delete"], on_everything(&[Read, Delete]));
    define(&["gateway:use"], on(&[Gateway], &[Read, Use]));
    define(
        &["mlflow:admin", "admin", "full_access"],
        on_everything(Access::ALL),
    );
    table
}

fn on(objects: &[Object], accesses: &[Access]) -> PermissionSet {
    let pairs = objects
        .iter()
        .flat_map(|object| accesses.iter().map(|access| (*object, *access)));
    pairs
        .map(|(object, access)| Permission::new(object, access))
        .collect()
}

fn on_everything(accesses: &[Access]) -> PermissionSet {
    accesses
        .iter()
        .map(|access| Permission::on_everything(*access))
        .collect()
}
