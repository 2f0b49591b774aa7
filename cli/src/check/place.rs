//! A value in a file, with the path that leads to it.

use serde::Serialize;

use super::node::{Node, Value};

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// As it was named on the command line.
    pub file: String,
    /// Which document of the file, counted from 1, where it holds more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<usize>,
    /// Counted from 1.
    pub line: u64,
    /// The path in the document; empty for the whole.
    pub path: String,
}

/// Where a rule looks, and what it sees there.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    file: &'a str,
    /// Counted from 1; `None` where the file holds one document.
    document: Option<usize>,
    path: String,
    node: &'a Node,
}

impl<'a> Place<'a> {
    /// A whole document.
    pub fn root(file: &'a str, document: Option<usize>, node: &'a Node) -> Self {
        let path = String::new();
        Self {
            file,
            document,
            path,
            node,
        }
    }

    /// A field, by its name in a `.proto` file; protobuf's JSON also has it in camel case. Null is absent.
    pub fn get(&self, name: &str) -> Option<Self> {
        let fields = self.map()?;
        let camel = camel(name);
        let (key, node) = fields
            .iter()
            .find(|(key, _)| key == name || *key == camel)?;
        let there = !matches!(node.value, Value::Null);
        there.then(|| self.field(key, node))
    }

    /// A field of a field.
    pub fn at(&self, names: &[&str]) -> Option<Self> {
        names
            .iter()
            .try_fold(self.clone(), |place, name| place.get(name))
    }

    /// Every field, if this is an object.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let fields = self.map().unwrap_or_default().iter();
        fields.map(|(key, node)| (key.as_str(), self.field(key, node)))
    }

    /// Every item, if this is a list.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items: &'a [Node] = match &self.node.value {
            Value::List(items) => items,
            _ => &[],
        };
        items.iter().enumerate().map(|(index, node)| Self {
            path: format!("{}[{index}]", self.path),
            node,
            ..self.clone()
        })
    }

    /// The items of a field.
    pub fn list(&self, name: &str) -> Vec<Self> {
        self.list_at(&[name])
    }

    /// The items of a field of a field.
    pub fn list_at(&self, names: &[&str]) -> Vec<Self> {
        self.at(names)
            .map(|list| list.items().collect())
            .unwrap_or_default()
    }

    /// A field of a field, or this where it is not there.
    pub fn at_or_self(&self, names: &[&str]) -> Self {
        self.at(names).unwrap_or_else(|| self.clone())
    }

    /// The texts in a field that is a list.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let items = self.list(name);
        let texts = items.iter().filter_map(Self::text);
        texts.map(str::to_owned).collect()
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a field.
    pub fn text_of(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|field| field.text())
    }

    /// The whole number, also as protobuf's JSON writes large ones, in quotes.
    pub fn number(&self) -> Option<u64> {
        match &self.node.value {
            Value::Number(number) => number.as_u64(),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The whole number of a field.
    pub fn number_of(&self, name: &str) -> Option<u64> {
        self.get(name)?.number()
    }

    /// Whether a field is true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|field| field.is_yes())
    }

    /// Whether this is true.
    pub fn is_yes(&self) -> bool {
        matches!(self.node.value, Value::Bool(true)) || self.text() == Some("true")
    }

    /// Whether this value of an enum is the one with that name and number.
    pub fn is_word(&self, word: &str, number: u64) -> bool {
        self.text() == Some(word) || self.number() == Some(number)
    }

    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        self.map().is_some()
    }

    /// What is there.
    pub fn value(&self) -> &'a Value {
        &self.node.value
    }

    /// As JSON text.
    pub fn to_json(&self) -> String {
        self.node.to_json().to_string()
    }

    /// Whether this is the very same value.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.node, other.node)
    }

    /// This, and everything within it: each before what it holds.
    pub fn descendants(&self) -> impl Iterator<Item = Self> {
        let mut waiting = vec![self.clone()];
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            let fields = next.fields().map(|(_, field)| field);
            let mut inner: Vec<Self> = fields.chain(next.items()).collect();
            inner.reverse();
            waiting.append(&mut inner);
            Some(next)
        })
    }

    /// Whether this stands within another place, or is it.
    pub fn is_below(&self, other: &Self) -> bool {
        other.descendants().any(|place| self.is_same(&place))
    }

    /// What the file is called.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// What a finding says of it.
    pub fn spot(&self) -> Spot {
        Spot {
            file: self.file.to_owned(),
            document: self.document,
            line: self.node.line,
            path: self.path.clone(),
        }
    }

    /// The line of the file where a line of this text is, both counted from 1.
    pub fn line_of(&self, line: u64) -> u64 {
        let start = self.node.text_start;
        start.map_or(self.node.line, |start| start + line.saturating_sub(1))
    }

    fn map(&self) -> Option<&'a [(String, Node)]> {
        match &self.node.value {
            Value::Map(fields) => Some(fields),
            _ => None,
        }
    }

    fn field(&self, key: &str, node: &'a Node) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            path,
            node,
            ..self.clone()
        }
    }
}

/// The name of a field as a `.proto` file has it.
pub fn snake(name: &str) -> String {
    let mut joined = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            joined.push('_');
        }
        joined.push(letter.to_ascii_lowercase());
    }
    joined
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        joined.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        joined.push_str(letters.as_str());
    }
    joined
}
