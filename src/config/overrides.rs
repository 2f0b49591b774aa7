//! Ordered exceptions from what the configuration says of all requests.
//!
//! Parsing and what an exception must have; which one a request falls under is decided in
//! [`crate::enforcement`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

#[cfg(feature = "schema")]
use super::schema;
use super::{Config, ConfigError, Mode, Scope, fields};
use crate::catalog::{self, Access, Object, Operation};
use crate::json;
use crate::pattern::Pattern;

/// Exceptions for some requests.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Which requests. All given fields must match; an absent field matches every request.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// Whether their denials are answered.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "Mode"))]
    pub mode: Option<Mode>,
    /// Share of callers for whom their denials are answered, in percent.
    #[serde(default, deserialize_with = "fields::some_percent")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::percent"))]
    pub enforce_percent: Option<u64>,
    /// Whether they need no key. Only operations that read can be public, each by its name.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "bool"))]
    pub public: Option<bool>,
    /// Scopes and what they grant for these requests; each replaces the scope of the same name.
    #[serde(default, deserialize_with = "some_scopes")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Scope>"))]
    pub scopes: Option<BTreeMap<String, Scope>>,
}

/// Which requests an override is for. Each field is a word or a list of words.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Mounts, as written in `mounts`.
    #[serde(deserialize_with = "mounts")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub mount: Option<Vec<String>>,
    /// Patterns of hosts, with `*` and `?`, without port or trailing dot, in any case.
    #[serde(deserialize_with = "hosts")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub host: Option<Vec<Pattern>>,
    /// Patterns of workspaces, with `*` and `?`. A request that names none is for that of its key, or for the default one
    /// while its key is not known. Only requests match that MLflow keeps within their workspace: none for accounts, the
    /// workspaces themselves or an unknown endpoint. Needs `workspaces.enabled`.
    #[serde(deserialize_with = "workspaces")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::words"))]
    pub workspace: Option<Vec<Pattern>>,
    /// Objects.
    #[serde(deserialize_with = "objects")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::objects"))]
    pub object: Option<Vec<Object>>,
    /// Accesses.
    #[serde(deserialize_with = "accesses")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::accesses"))]
    pub access: Option<Vec<Access>>,
    /// Operations by name.
    #[serde(deserialize_with = "operations")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::operations"))]
    pub operation: Option<Vec<&'static Operation>>,
}

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

fn some_scopes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, Scope>>, D::Error> {
    json::unique_map(deserializer).map(Some)
}

/// A word or a list of words, at least one, since an empty list would match nothing; each read by `read`.
pub(super) fn one_or_many<'de, T, D>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Words;

    impl<'de> Visitor<'de> for Words {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a word or a list of words")
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Vec<String>, E> {
            Ok(vec![word.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    let words = deserializer.deserialize_any(Words)?;
    if words.is_empty() {
        return Err(D::Error::custom(
            "is empty and matches nothing; write at least one, or remove the field",
        ));
    }
    let read: Result<_, String> = words.iter().map(|word| read(word)).collect();
    read.map(Some).map_err(D::Error::custom)
}

fn mounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    one_or_many(deserializer, |word| Ok(word.to_owned()))
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Pattern>>, D::Error> {
    one_or_many(deserializer, super::hosts::read)
}

fn workspaces<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Pattern>>, D::Error> {
    one_or_many(deserializer, super::workspaces::read_pattern)
}

fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Object>>, D::Error> {
    one_or_many(deserializer, |word| {
        known(word, "object", Object::from_word, Object::ALL)
    })
}

fn accesses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Access>>, D::Error> {
    one_or_many(deserializer, |word| {
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

fn operations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<&'static Operation>>, D::Error> {
    one_or_many(deserializer, |word| {
        let found = catalog::all_operations().find(|operation| operation.name == word);
        found.ok_or_else(|| {
            let distance = |name: &&str| strsim::damerau_levenshtein(name, word);
            let names = catalog::all_operations().map(|operation| operation.name);
            let nearest = names.min_by_key(distance).unwrap_or_default();
            format!("{word:?} is not an operation; write one that `mlflow-authz routes` lists, such as {nearest:?}")
        })
    })
}
