//! Ordered exceptions from what the configuration says of all requests.
//!
//! Parsing and what an exception must have; which one a request falls under is decided in
//! [`crate::enforcement`].

use std::collections::BTreeMap;

use serde::de::{Deserialize as _, Error as _};

#[cfg(feature = "schema")]
use super::schema;
use super::{Config, ConfigError, Mode, Scope, fields};
use crate::catalog::{self, Access, Object, Operation};
use crate::json::{self, Part};
use crate::pattern::Pattern;

/// Exceptions for some requests.
#[derive(Debug, Clone, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct Override {
    /// Which requests. All given fields must match; an absent field matches every request.
    #[cfg_attr(feature = "schema", schemars(default, rename = "match"))]
    pub matches: Match,
    /// Whether their denials are answered.
    #[cfg_attr(feature = "schema", schemars(default, with = "Mode"))]
    pub mode: Option<Mode>,
    /// Share of callers for whom their denials are answered, in percent.
    #[cfg_attr(feature = "schema", schemars(default, schema_with = "schema::percent"))]
    pub enforce_percent: Option<u64>,
    /// Whether they need no key. Only operations that read can be public, each by its name.
    #[cfg_attr(feature = "schema", schemars(default, with = "bool"))]
    pub public: Option<bool>,
    /// Scopes and what they grant for these requests; each replaces the scope of the same name.
    #[cfg_attr(
        feature = "schema",
        schemars(default, with = "BTreeMap<String, Scope>")
    )]
    pub scopes: Option<BTreeMap<String, Scope>>,
}

/// Which requests an override is for. Each field is a word or a list of words.
#[derive(Debug, Clone, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Match {
    /// Mounts, as written in `mounts`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub mount: Option<Vec<String>>,
    /// Patterns of hosts, with `*` and `?`, without port or trailing dot, in any case.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub host: Option<Vec<Pattern>>,
    /// Patterns of workspaces, with `*` and `?`. A request without the header is for the workspace that its key is pinned
    /// to, or for the default one while its key is not known. Requests that MLflow does not keep within a workspace do not
    /// match: for accounts, the workspaces themselves or an unknown endpoint. Needs `workspaces.enabled`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub workspace: Option<Vec<Pattern>>,
    /// Objects.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::objects"))]
    pub object: Option<Vec<Object>>,
    /// Accesses.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::accesses"))]
    pub access: Option<Vec<Access>>,
    /// Operations by name.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::operations"))]
    pub operation: Option<Vec<&'static Operation>>,
}

json::object!(Override, start: Self::default(), required: [], {
    "match" => matches: json::read_object,
    "mode" => mode: fields::some,
    "enforce_percent" => enforce_percent: fields::some_percent,
    "public" => public: fields::some,
    "scopes" => scopes: some_scopes,
});

json::object!(Match, start: Self::default(), required: [], {
    "mount" => mount: mounts,
    "host" => host: hosts,
    "workspace" => workspace: workspaces,
    "object" => object: objects,
    "access" => access: accesses,
    "operation" => operation: operations,
});

impl Match {
    /// Whether it holds of an operation, on some mount, host and workspace.
    pub fn names(&self, operation: &Operation) -> bool {
        let is_named = |it: &&'static Operation| it.name == operation.name;
        self.object
            .as_ref()
            .is_none_or(|it| it.contains(&operation.object))
            && self
                .access
                .as_ref()
                .is_none_or(|it| it.contains(&operation.access))
            && self
                .operation
                .as_ref()
                .is_none_or(|it| it.iter().any(is_named))
    }
}

/// Checks what types alone cannot say.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    for (index, over) in config.overrides.iter().enumerate() {
        let refuse = |field: &str, problem: String| {
            Err(ConfigError::field(
                format!("overrides[{index}]{field}"),
                problem,
            ))
        };
        let Override {
            matches,
            mode,
            enforce_percent,
            public,
            scopes,
        } = over;
        let sets_nothing =
            mode.is_none() && enforce_percent.is_none() && public.is_none() && scopes.is_none();
        if sets_nothing {
            let fields = "`mode`, `enforce_percent`, `public` or `scopes`";
            return refuse("", format!("sets nothing; write {fields}"));
        }
        let mounts = matches.mount.iter().flatten();
        if let Some(unknown) = mounts.into_iter().find(|it| !config.mounts.contains(it)) {
            return refuse(
                ".match.mount",
                format!("{unknown:?} is not in `mounts`; write one of them"),
            );
        }
        if matches.workspace.is_some() && !config.workspaces.enabled {
            return refuse(
                ".match.workspace",
                "needs workspaces, and they are not enabled; write `workspaces.enabled`: true, or remove it"
                    .to_owned(),
            );
        }
        if *public == Some(true) {
            let Some(operations) = &matches.operation else {
                return refuse(
                    ".public",
                    "needs `match.operation`; write there the names of the operations that need no key"
                        .to_owned(),
                );
            };
            if let Some(writes) = operations.iter().find(|it| it.access != Access::Read) {
                let Operation {
                    name,
                    object,
                    access,
                    ..
                } = writes;
                let problem = format!(
                    "{name} needs {object}:{access}, and only operations that read can be public"
                );
                return refuse(".public", problem);
            }
        }
    }
    Ok(())
}

fn some_scopes(value: Part<'_, '_>) -> Result<Option<BTreeMap<String, Scope>>, json::Error> {
    fields::scopes(value).map(Some)
}

/// A word or a list of words, at least one, since an empty list would match nothing; each read by `read`.
pub(super) fn one_or_many<T>(
    value: Part<'_, '_>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, json::Error> {
    let words = words(value)?;
    let read: Result<_, String> = words.iter().map(|word| read(word)).collect();
    read.map(Some).map_err(json::Error::custom)
}

fn words(value: Part<'_, '_>) -> Result<Vec<String>, json::Error> {
    let words: Vec<String> = if value.is_list() {
        Vec::deserialize(value)?
    } else if value.is_text() {
        vec![String::deserialize(value)?]
    } else {
        return Err(value.is_not("a word or a list of words"));
    };
    if words.is_empty() {
        return Err(json::Error::custom(
            "is empty and matches nothing; write at least one, or remove the field",
        ));
    }
    Ok(words)
}

fn mounts(value: Part<'_, '_>) -> Result<Option<Vec<String>>, json::Error> {
    one_or_many(value, |word| Ok(word.to_owned()))
}

fn hosts(value: Part<'_, '_>) -> Result<Option<Vec<Pattern>>, json::Error> {
    one_or_many(value, super::hosts::read)
}

fn workspaces(value: Part<'_, '_>) -> Result<Option<Vec<Pattern>>, json::Error> {
    one_or_many(value, super::workspaces::read_pattern)
}

fn objects(value: Part<'_, '_>) -> Result<Option<Vec<Object>>, json::Error> {
    one_or_many(value, |word| {
        known(word, "object", Object::from_word, Object::ALL)
    })
}

fn accesses(value: Part<'_, '_>) -> Result<Option<Vec<Access>>, json::Error> {
    one_or_many(value, |word| {
        known(word, "access", Access::from_word, Access::ALL)
    })
}

fn known<T: ToString>(
    word: &str,
    kind: &str,
    read: fn(&str) -> Option<T>,
    all: &[T],
) -> Result<T, String> {
    read(word).ok_or_else(|| {
        let all: Vec<String> = all.iter().map(T::to_string).collect();
        format!("{word:?} is not an {kind}; write one of {}", all.join(", "))
    })
}

fn operations(value: Part<'_, '_>) -> Result<Option<Vec<&'static Operation>>, json::Error> {
    one_or_many(value, |word| {
        let found = catalog::all_operations().find(|operation| operation.name == word);
        found.ok_or_else(|| {
            let distance = |name: &&str| strsim::damerau_levenshtein(name, word);
            let names = catalog::all_operations().map(|operation| operation.name);
            let nearest = names.min_by_key(distance).unwrap_or_default();
            format!("{word:?} is not an operation; write one that `mlflow-authz routes` lists, such as {nearest:?}")
        })
    })
}
