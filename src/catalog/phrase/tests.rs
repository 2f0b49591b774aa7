use std::collections::BTreeSet;

use super::irregular;
use crate::catalog::entry::{Operation, op};
use crate::catalog::object::{Access, Object};
use crate::catalog::operations;

fn named(name: &'static str) -> Operation {
    op(name, Object::Run, Access::Read, "-", &[])
}

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
        ("SetMcpServerAlias", "set an MCP server alias"),
        ("SearchMcpServers", "search MCP servers"),
        ("CreatePresignedUploadUrl", "create a presigned upload URL"),
        ("DownloadArtifact", "download an artifact"),
        ("GatewayProxy", "send a request through the gateway's proxy"),
        ("GraphQL", "send a GraphQL query"),
        ("Serve", "load MLflow's page"),
        ("ExportTraces", "send traces over OTLP"),
        // A run of capitals is one word.
        ("SearchMCPServers", "search MCP servers"),
        ("SearchTracesV3", "search traces v3"),
        ("", ""),
    ] {
        assert_eq!(named(name).phrase(), phrase, "{name}");
    }
}

/// What "may not …" goes on with.
const VERBS: &[&str] = &[
    "abort",
    "add",
    "answer",
    "assign",
    "attach",
    "bind",
    "calculate",
    "call",
    "cancel",
    "change",
    "check",
    "compact",
    "complete",
    "create",
    "delete",
    "detach",
    "download",
    "end",
    "finalize",
    "generate",
    "get",
    "grant",
    "install",
    "link",
    "list",
    "load",
    "log",
    "query",
    "register",
    "remove",
    "rename",
    "restore",
    "return",
    "revoke",
    "run",
    "search",
    "send",
    "set",
    "start",
    "stream",
    "submit",
    "take",
    "test",
    "transition",
    "update",
    "upload",
    "write",
];

/// Verbs of which one thing is always named with an article or an owner.
const OF_ONE: &[&str] = &[
    "add", "cancel", "create", "delete", "download", "get", "log", "rename", "restore", "run",
    "set", "start", "submit", "test", "update", "upload",
];

#[test]
fn every_operation_reads_as_english() {
    for operation in operations() {
        let (name, phrase) = (operation.name, operation.phrase());
        let words: Vec<&str> = phrase.split(' ').collect();
        assert!(words.len() > 1, "{name}: {phrase:?}");
        assert!(
            VERBS.contains(&words[0]),
            "{name}: {phrase:?} begins with no verb"
        );
        assert!(
            words.iter().all(|word| !word.is_empty()),
            "{name}: {phrase:?}"
        );
        assert!(
            phrase.ends_with(|c: char| c.is_alphanumeric()),
            "{name}: {phrase:?}"
        );
        for pair in words.windows(2) {
            let vowel =
                pair[1].starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) || pair[1] == "MCP";
            assert!(pair[0] != "a" || !vowel, "{name}: {phrase:?}");
            assert!(pair[0] != "an" || vowel, "{name}: {phrase:?}");
        }
        for acronym in [
            "api", "genai", "graphql", "mcp", "openai", "otlp", "ui", "uri", "url", "graph", "ql",
        ] {
            assert!(!words.contains(&acronym), "{name}: {phrase:?}");
        }
        let last = words.last().copied().unwrap_or_default();
        let plural = last.ends_with('s')
            && !last.ends_with("ss")
            && !last.ends_with("us")
            && !last.ends_with("as");
        let determined = phrase.contains(" a ")
            || phrase.contains(" an ")
            || phrase.contains(" the ")
            || phrase.contains("'s ");
        let mass = ["delete the demo data", "generate demo data"].contains(&phrase.as_str());
        let needs = OF_ONE.contains(&words[0]) && !plural && !mass;
        assert!(
            !needs || determined,
            "{name}: {phrase:?} names one thing without an article"
        );
    }
}

/// A name that is gone from the catalog leaves no phrase behind.
#[test]
fn every_irregular_phrase_is_of_an_operation() {
    let source = include_str!("../phrase.rs");
    let (_, table) = source.split_once("fn irregular").unwrap();
    let known: BTreeSet<&str> = operations().map(|operation| operation.name).collect();
    let quoted = table.split('"').skip(1).step_by(2);
    let names: Vec<&str> = quoted
        .filter(|text| text.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    assert!(names.len() > 90, "{}", names.len());
    for name in names {
        assert!(irregular(name).is_some(), "{name}");
        assert!(known.contains(name), "{name} is no operation");
    }
}

#[test]
fn what_needs_delete_unlike_its_siblings_says_so() {
    let told: BTreeSet<&str> = operations()
        .filter(|operation| operation.note().is_some())
        .map(|operation| operation.name)
        .collect();
    let expected = [
        "DeleteAssessment",
        "DeleteLoggedModelTag",
        "DeleteMcpServerTag",
        "DeleteMcpServerVersionTag",
        "DeleteModelVersionTag",
        "DeleteSkillVersionTag",
        "RemoveItemsFromReviewQueue",
        "RestoreExperiment",
        "RestoreRun",
    ];
    assert_eq!(told.into_iter().collect::<Vec<_>>(), expected);
}
