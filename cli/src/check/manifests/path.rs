//! Which paths a route takes, and what becomes of them: compared with a mount.

use mlflow_authz::target::below_mount;

/// What a route says of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRule<'a> {
    /// Text at the start, as Istio's `prefix`.
    Prefix(&'a str),
    /// Whole segments at the start, as the Gateway API's `PathPrefix`.
    Segments(&'a str),
    Exact(&'a str),
    Regex(&'a str),
    /// What a later release has.
    Unknown,
}

/// What a route makes of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite<'a> {
    Kept,
    /// In the place of what the rule names.
    Prefix(&'a str),
    /// In the place of the whole path.
    Full(&'a str),
    /// By a regular expression.
    Unknown,
}

/// Whether a rule stays inside the mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    Inside,
    /// `/api/mlflow` also matches `/api/mlflowX`.
    MissingSlash(String),
    Outside,
    CannotTell(&'static str),
}

/// Whether MLflow reads the path that the filter has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    Agree,
    /// Only where MLflow is started with this prefix.
    StaticPrefix(String),
    Differ,
}

/// Paths below which MLflow's own API is: no prefix that a server is started with.
const API: &[&str] = &[
    "/api",
    "/ajax-api",
    "/graphql",
    "/gateway",
    "/get-artifact",
    "/v1",
    "/mcp-servers",
];

impl PathRule<'_> {
    /// Whether it takes a path.
    pub fn takes(&self, path: &str) -> bool {
        match self {
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Segments(prefix) => below_mount(path, prefix).is_some(),
            Self::Exact(exact) => path == *exact,
            Self::Regex(_) | Self::Unknown => false,
        }
    }

    /// Whether a regular expression seems to be about a mount. It is not run.
    pub fn names(&self, mount: &str) -> bool {
        matches!(self, Self::Regex(text) if mount == "/" || text.replace('\\', "").contains(mount))
    }

    /// The longer, the more specific.
    pub fn weight(&self) -> usize {
        match self {
            Self::Prefix(text) | Self::Segments(text) => text.len(),
            Self::Exact(_) => usize::MAX,
            Self::Regex(_) | Self::Unknown => 0,
        }
    }

    /// Compares what it takes with the mounts.
    pub fn fit(&self, mounts: &[String]) -> Fit {
        if mounts.iter().any(|mount| mount == "/") {
            return Fit::Inside;
        }
        let Some(text) = self.text() else {
            return Fit::CannotTell("which paths it matches is not read from a regular expression");
        };
        if !is_plain(text) {
            return Fit::CannotTell("its path is spelled in a way that proxies change");
        }
        let inside = mounts
            .iter()
            .find(|mount| below_mount(text, mount).is_some());
        match (self, inside) {
            (_, None) => Fit::Outside,
            (Self::Prefix(prefix), Some(mount)) if prefix == mount => {
                Fit::MissingSlash((*mount).clone())
            }
            _ => Fit::Inside,
        }
    }

    /// Whether what the filter reads below its mount is what MLflow gets.
    pub fn agreement(&self, rewrite: &Rewrite<'_>, mounts: &[String]) -> Agreement {
        let (Some(text), Some(mount)) = (self.text(), self.mount(mounts)) else {
            return match rewrite {
                Rewrite::Kept => Agreement::Agree,
                _ => Agreement::Differ,
            };
        };
        let judged = below_mount(text, mount).unwrap_or(text);
        let sent = match (rewrite, self) {
            // MLflow gets the client's path: either it is started with this prefix, or it knows no such path.
            (Rewrite::Kept, _) => return Agreement::Agree,
            (Rewrite::Unknown, _) => return Agreement::Differ,
            (Rewrite::Full(_), Self::Prefix(_) | Self::Segments(_)) => return Agreement::Differ,
            (Rewrite::Full(sent), _) => *sent,
            // What ends in a slash must be replaced by what does.
            (Rewrite::Prefix(sent), Self::Prefix(prefix))
                if prefix.ends_with('/') != sent.ends_with('/') =>
            {
                return Agreement::Differ;
            }
            (Rewrite::Prefix(sent), _) => *sent,
        };
        let (judged, sent) = (judged.trim_matches('/'), sent.trim_matches('/'));
        match sent.strip_suffix(judged) {
            Some("") => Agreement::Agree,
            Some(before) if judged.is_empty() || before.ends_with('/') => {
                let prefix = format!("/{}", before.trim_end_matches('/'));
                if API.iter().any(|api| below_mount(&prefix, api).is_some()) {
                    Agreement::Differ
                } else {
                    Agreement::StaticPrefix(prefix)
                }
            }
            _ => Agreement::Differ,
        }
    }

    /// The mount that decides about the path as the rule writes it.
    pub fn mount<'m>(&self, mounts: &'m [String]) -> Option<&'m str> {
        let text = self.text()?;
        let inside = mounts
            .iter()
            .filter(|mount| below_mount(text, mount).is_some());
        inside.map(String::as_str).max_by_key(|mount| mount.len())
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Prefix(text) | Self::Segments(text) | Self::Exact(text) => Some(text),
            Self::Regex(_) | Self::Unknown => None,
        }
    }

    /// What messages call it.
    pub fn title(&self) -> String {
        match self {
            Self::Prefix("/") | Self::Segments("/") => "every path".to_owned(),
            Self::Prefix(text) | Self::Segments(text) => format!("{text} and below"),
            Self::Exact(text) => (*text).to_owned(),
            Self::Regex(text) => format!("what matches {text}"),
            Self::Unknown => "paths that are not said".to_owned(),
        }
    }
}

/// Whether no proxy reads the path in two ways.
fn is_plain(path: &str) -> bool {
    let odd = ["//", "/./", "/../", "%", ";", "\\", "?", "#"];
    path.starts_with('/')
        && !odd.iter().any(|piece| path.contains(piece))
        && !path.ends_with("/..")
        && !path.ends_with("/.")
}
