#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::catalog::entry::{Access, Object, op};
use crate::catalog::operations;

#[test]
fn names_become_verb_phrases() {
    for (name, phrase) in [
        ("CreateRegisteredModel", "create a registered model"),
        ("CreateRun", "create a run"),
        ("UpdateExperiment", "update an experiment"),
        ("AbortMultipartUpload", "abort a multipart upload"),
        ("CreateUser", "create a user"),
        ("GetIssue", "get an issue"),
        ("SearchRuns", "search runs"),
        ("DeleteTraces", "delete traces"),
        ("SetModelVersionTag", "set a model version tag"),
        (
            "TransitionModelVersionStage",
            "transition a model version stage",
        ),
        ("DownloadArtifact", "download artifact"),
        // A run of capitals is one word.
        ("SearchMCPServers", "search mcp servers"),
        ("SearchTracesV3", "search traces v3"),
        ("Health", "health"),
        ("", ""),
    ] {
        assert_eq!(
            op(name, Object::Run, Access::Read, "-", &[]).phrase(),
            phrase,
            "{name}"
        );
    }
}

#[test]
fn no_name_of_the_catalog_is_lost() {
    for operation in operations() {
        let phrase = operation.phrase();
        let letters: String = phrase
            .split(' ')
            .enumerate()
            .filter(|(index, word)| *index != 1 || !["a", "an"].contains(word))
            .map(|(_, word)| word)
            .collect();
        assert_eq!(letters, operation.name.to_ascii_lowercase(), "{phrase}");
    }
}
