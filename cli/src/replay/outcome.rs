//! What was decided, what would be decided, and what that changes.

use std::borrow::Cow;
use std::sync::Arc;

use mlflow_authz::catalog::Operation;
use mlflow_authz::policy::Permission;
use mlflow_authz::principals::Principal;
use serde::Serialize;

use super::record::Word;

/// One decision as far as two are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What the policy says and what the caller gets.
    pub word: Word,
    /// Why.
    pub reason: Cow<'a, str>,
}

/// What came of deciding again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It can be said.
    Decided(Verdict<'a>),
    /// It cannot.
    Open(Why),
}

/// What came of deciding again, and about what.
#[derive(Debug, Clone)]
pub struct Again<'a> {
    /// What came of it.
    pub outcome: Outcome<'a>,
    /// What the request asks MLflow to do, as far as the catalog knows.
    pub operation: Option<&'static Operation>,
    /// What it needs.
    pub required: Option<Permission>,
    /// Who asks, where that is known.
    pub principal: Option<Arc<Principal>>,
}

impl Again<'_> {
    /// The same request, undecided.
    pub fn but_open(self, why: Why) -> Self {
        Self {
            outcome: Outcome::Open(why),
            ..self
        }
    }
}

/// Why a record cannot be decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No key was asked about, and now one would be.
    CallerUnknown,
    /// A grant limited to names decides, and no name was recorded.
    NameUnknown,
    /// The same, and the request names two objects.
    TwoNames,
    /// Only the beginning of the target was recorded.
    TargetCut,
    /// No auth service may answer with such a caller.
    CallerImpossible,
    /// Another source of identity said who the caller is, and the configuration has none of its kind.
    IdentityNotConfigured,
    /// A key of the configuration, which does not say any more whose it is.
    KeyNotListed,
}

impl Why {
    /// For people, as the end of "cannot be decided again: ".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallerUnknown => {
                "the request needed no credential, or was outside all mounts, so the caller was not looked up"
            }
            Self::NameUnknown => {
                "a scope limited to names or workspaces would decide, and the record has no name (queries and bodies are not recorded)"
            }
            Self::TwoNames => {
                "a scope limited to names would decide about two objects, and a record has one name"
            }
            Self::TargetCut => "the target is longer than a record holds",
            Self::CallerImpossible => {
                "no answer of an auth service could describe the caller that the record names"
            }
            Self::IdentityNotConfigured => {
                "the configuration has no such source of identity as said who the caller is"
            }
            Self::KeyNotListed => {
                "the key was one of the configuration's keys, which have no entry with its key_id, or several with \
                 different rights"
            }
        }
    }
}

/// How two decisions about a request differ, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was let through and would be refused.
    NewDenial,
    /// It was refused and would be let through.
    NoLongerDenied,
    /// It is let through, and now against the policy.
    WouldDeny,
    /// It is let through, and no longer against the policy.
    NoLongerWouldDeny,
    /// Only the reason differs.
    OtherReason,
}

impl Change {
    /// Every kind, the gravest first.
    pub const ALL: [Self; 5] = [
        Self::NewDenial,
        Self::NoLongerDenied,
        Self::WouldDeny,
        Self::NoLongerWouldDeny,
        Self::OtherReason,
    ];

    /// `None` where nothing differs.
    pub fn between(before: &Verdict<'_>, after: &Verdict<'_>) -> Option<Self> {
        Some(match (before.word, after.word) {
            (before, Word::Deny) if before.lets_through() => Self::NewDenial,
            (Word::Deny, after) if after.lets_through() => Self::NoLongerDenied,
            (Word::Allow, Word::WouldDeny) => Self::WouldDeny,
            (Word::WouldDeny, Word::Allow) => Self::NoLongerWouldDeny,
            _ if before.reason != after.reason => Self::OtherReason,
            _ => return None,
        })
    }

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewDenial => "would be refused",
            Self::NoLongerDenied => "would no longer be refused",
            Self::WouldDeny => "would be recorded as would_deny, and let through",
            Self::NoLongerWouldDeny => "would no longer be recorded as would_deny",
            Self::OtherReason => "same answer, other reason",
        }
    }
}
