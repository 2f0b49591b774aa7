//! What a key must hold for an operation, where that is not its access to its object; and what a query narrows.

use super::object::Object;

/// What a key must hold for an operation, on all objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The operation's own access to its own object.
    Own,
    /// Any permission at all: what is served is the same for everybody and reveals nothing.
    Any,
    /// Read on each of these objects, all of which one answer can hold.
    ReadOnAll(&'static [Object]),
    /// The operation's own access to its own object, or else read on this one, whose page sends it.
    OwnOrRead(Object),
}

/// A parameter that a narrowing query has.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it must say.
    pub value: Value,
}

/// What a parameter of a query must say.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// This path, with any number of slashes around it.
    Path(&'static str),
    /// Something.
    Present,
    /// Anything; it may be absent.
    Optional,
}

impl Parameter {
    /// Whether the parameter's value, `None` where it is absent, is what it must be.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        match (self.value, value) {
            (Value::Path(path), Some(value)) => value.trim_matches('/') == path,
            (Value::Present, Some(value)) => !value.trim().is_empty(),
            (Value::Optional, _) => true,
            (Value::Path(_) | Value::Present, None) => false,
        }
    }

    /// One that is accepted; `None` where it may be absent.
    fn example(&self) -> Option<String> {
        match self.value {
            Value::Path(path) => Some(format!("{}={path}", self.name)),
            Value::Present => Some(format!("{}=x", self.name)),
            Value::Optional => None,
        }
    }

    /// The parameter as a template of a query shows it; `None` where it may be absent.
    fn template(&self) -> Option<String> {
        match self.value {
            Value::Path(path) => Some(format!("{}={path}", self.name)),
            Value::Present => Some(format!("{name}={{{name}}}", name = self.name)),
            Value::Optional => None,
        }
    }
}

/// A query that a route is for.
pub fn query_example(query: &[Parameter]) -> String {
    let parameters: Vec<String> = query.iter().filter_map(Parameter::example).collect();
    parameters.join("&")
}

/// The query that a route is for, as a template; empty where it is for every query.
pub fn query_template(query: &[Parameter]) -> String {
    let parameters: Vec<String> = query.iter().filter_map(Parameter::template).collect();
    parameters.join("&")
}
