use super::{FieldKind, Naming};
use crate::catalog::{Object, operations};

#[test]
fn what_is_listed_is_in_the_catalog_and_what_is_not_is_known_to_be_untied() {
    const UNTIED: &[&str] = &[
        // By run.
        "ListArtifacts",
        "CreatePresignedUploadUrl",
        "CreatePresignedDownloadUrl",
        "ServeArtifacts",
        "ServeUploadArtifact",
        // By logged model.
        "ListLoggedModelArtifacts",
        "ServeGetLoggedModelArtifact",
        // The body of an upload, which is never read, adds to the path; a presigned URL leaves the filter behind.
        "CreateMultipartUpload",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
        "GetPresignedDownloadUrl",
    ];
    let named = operations().filter(|operation| operation.naming != Naming::Untied);
    assert_eq!(named.count(), 37);
    for operation in operations() {
        let nameable = matches!(
            operation.object,
            Object::RegisteredModel | Object::ModelVersion | Object::Experiment | Object::Artifact
        );
        let tied = operation.naming != Naming::Untied;
        let known = UNTIED.contains(&operation.name);
        assert_eq!(nameable, tied || known, "{}", operation.name);
    }
}

#[test]
fn fields_name_something() {
    for operation in operations() {
        if let Naming::Fields(fields) = operation.naming {
            assert!(
                fields.iter().any(|(_, kind)| kind.is_required()),
                "{}",
                operation.name
            );
            let alias = fields.iter().any(|(_, kind)| *kind == FieldKind::Alias);
            let model = fields.iter().any(|(_, kind)| *kind == FieldKind::Model);
            assert!(model || !alias, "{}", operation.name);
        }
    }
}
