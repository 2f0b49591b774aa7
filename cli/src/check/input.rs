//! Files and what kind of thing each document in them is.

use super::node::{Node, Value};
use super::place::Place;
use crate::error::CliError;

/// A file as it was read.
#[derive(Debug)]
pub struct File {
    /// As it was named on the command line.
    pub name: String,
    /// Its text: the parser of plugin configurations wants it as it came.
    pub text: String,
    nodes: Vec<Node>,
    is_plugin: bool,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plugin configuration by itself.
    Plugin,
    /// An Envoy bootstrap, or a file of LDS, RDS, CDS or ECDS.
    Envoy,
    /// A Kubernetes object.
    Manifest,
}

/// One document of a file.
#[derive(Debug)]
pub struct Document<'a> {
    pub kind: Kind,
    pub root: Place<'a>,
    /// The whole file, for what must be read as it came.
    pub text: &'a str,
}

impl Document<'_> {
    /// Whether it is a Kubernetes object of that kind.
    pub fn is_manifest(&self, kinds: &[&str]) -> bool {
        let kind = self.root.text_of("kind");
        self.kind == Kind::Manifest && kind.is_some_and(|kind| kinds.contains(&kind))
    }
}

/// Fields at the top of what is not a plugin configuration.
const ENVOY: &[&str] = &[
    "static_resources",
    "dynamic_resources",
    "resources",
    "admin",
    "node",
    "stats_config",
    "layered_runtime",
    "bootstrap_extensions",
    "@type",
    // Blocks that are copied into one of these, or into Istio's values.
    "capability_restriction_config",
    "meshConfig",
];

impl File {
    /// Reads a file. What looks like a plugin configuration and is no JSON stays for its own parser to refuse.
    ///
    /// # Errors
    ///
    /// Text that is neither JSON nor YAML.
    pub fn read(name: String, text: Vec<u8>) -> Result<Self, CliError> {
        let text = String::from_utf8(text).map_err(|_| {
            CliError::new(format!("{name}: not UTF-8"), "give a file of JSON or YAML")
        })?;
        if let Some(line) = ignored_key(&text) {
            return Err(CliError::new(
                format!(
                    "{name}:{line}: the tag !ignore, whose keys Envoy drops, cannot be checked"
                ),
                "remove the key, or give check what Envoy's /config_dump holds",
            ));
        }
        let looks_like_json = text.trim_ascii_start().starts_with('{');
        let nodes = match Node::read_all(&text) {
            Ok(nodes) => nodes,
            Err(_) if looks_like_json => Vec::new(),
            Err(problem) => {
                return Err(CliError::new(
                    format!("{name}: neither JSON nor YAML: {problem}"),
                    "correct it there",
                ));
            }
        };
        let nodes: Vec<Node> = nodes
            .into_iter()
            .filter(|node| !matches!(node.value, Value::Null))
            .flat_map(listed)
            .collect();
        let is_plugin = match nodes.as_slice() {
            [] => true,
            [node] => Place::root("", None, node).is_plugin_configuration(),
            _ => false,
        };
        Ok(Self {
            name,
            text,
            nodes,
            is_plugin,
        })
    }

    /// What is in the file. A plugin configuration is one document, even where no tree could be made of it.
    pub fn documents(&self) -> Vec<Document<'_>> {
        let several = self.nodes.len() > 1;
        let document = |(index, node)| {
            let root = Place::root(&self.name, several.then_some(index + 1), node);
            let kind = if self.is_plugin {
                Kind::Plugin
            } else if root.text_of("apiVersion").is_some() {
                Kind::Manifest
            } else {
                Kind::Envoy
            };
            Document {
                kind,
                root,
                text: &self.text,
            }
        };
        if self.nodes.is_empty() {
            return vec![document((0, &NOTHING))];
        }
        self.nodes.iter().enumerate().map(document).collect()
    }
}

/// The line of the first key with the tag that makes Envoy drop it (YAML 1.2.2 section 6.8.2: a directive may give a
/// tag another name).
fn ignored_key(text: &str) -> Option<usize> {
    let is_tag = |word: &str| {
        let word = word.trim_start_matches(['{', '[', ',', '-', '?']);
        ["!ignore", "!<!ignore>"].contains(&word)
    };
    let has_tag = |line: &str| {
        let mut words = line.split_whitespace().take_while(|it| *it != "#");
        line.starts_with("%TAG") || words.any(is_tag)
    };
    text.lines().position(has_tag).map(|index| index + 1)
}

/// Stands for what could not be made a tree of.
static NOTHING: Node = Node {
    line: 1,
    text_start: None,
    value: Value::Null,
};

/// The objects in a Kubernetes `List` or a list of one kind, or the document itself.
fn listed(node: Node) -> Vec<Node> {
    let root = Place::root("", None, &node);
    let text = |name: &str| root.text_of(name).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let kind = kind
        .strip_suffix("List")
        .filter(|_| root.get("items").is_some());
    let is_list = kind.is_some();
    // Kubernetes' own API leaves both out of the items where all are of one kind.
    let implied = kind.filter(|kind| !kind.is_empty());
    let implied = implied.map(|kind| [("apiVersion", version.clone()), ("kind", kind.to_owned())]);
    let complete = |mut item: Node| {
        if let Value::Map(fields) = &mut item.value {
            for (name, text) in implied.iter().flatten() {
                if !fields.iter().any(|(field, _)| field == name) {
                    let value = Value::Text(text.clone());
                    let (line, text_start) = (item.line, None);
                    let node = Node {
                        line,
                        text_start,
                        value,
                    };
                    fields.push(((*name).to_owned(), node));
                }
            }
        }
        item
    };
    match node.value {
        Value::Map(fields) if is_list => fields
            .into_iter()
            .filter(|(name, _)| name == "items")
            .flat_map(|(_, items)| match items.value {
                Value::List(items) => items.into_iter().map(complete).collect(),
                _ => Vec::new(),
            })
            .collect(),
        value => vec![Node { value, ..node }],
    }
}

impl Place<'_> {
    fn is_plugin_configuration(&self) -> bool {
        let manifest = self.get("apiVersion").is_some() && self.get("kind").is_some();
        !manifest && !ENVOY.iter().any(|name| self.get(name).is_some())
    }
}
