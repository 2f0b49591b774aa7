//! The answer to a browser that navigates: the same words as the JSON, as a page for the person who reads it.
//!
//! It has no script, no form and no image, and one style sheet that its `Content-Security-Policy` names by digest.
//! [`Html`] takes markup from this file only (`&'static str`); everything else goes through [`Html::text`], which
//! escapes it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::StatusCode;

use super::sources::{Called, Sources};
use super::{Body, MENTIONED_SCOPES};
use crate::config::Config;
use crate::decision::{Decision, Reason};
use crate::printable::is_unprintable;
use crate::request::RequestHead;

/// The style sheet. Who changes it changes its digest in [`POLICY`] too: a test compares them.
const STYLE: &str = "body{margin:0;background:#f5f6f8;color:#1b2430;font:16px/1.5 system-ui,sans-serif}\
main{max-width:44rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d8dde4;border-radius:8px}\
h1{margin:0 0 .5rem;font-size:1.4rem}h2{margin:2rem 0 .25rem;font-size:1.05rem}\
p,li,dd{overflow-wrap:anywhere}dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:1.5rem 0 0}\
dt{color:#5a6675}dd{margin:0}code{padding:.1em .35em;background:#eef1f5;border-radius:4px;font-size:.9em}\
ul{margin:.25rem 0;padding-left:1.25rem}a{color:#0b5cad}\
@media(prefers-color-scheme:dark){body{background:#12161c;color:#e3e8ee}main{background:#1a2028;border-color:#323b47}\
dt{color:#9aa7b6}code{background:#27303b}a{color:#7db8ff}}";

/// What the page may do: be styled by [`STYLE`].
const POLICY: &str = "default-src 'none'; style-src 'sha256-mJS3959aX0ArweN2afgGdtNqhe1xYs9PAXOyMs1iXXM='; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of the page beside those of every answer.
pub(super) const HEADERS: [(&str, &str); 5] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
];

/// The longest text from elsewhere that is shown, in characters.
const LONGEST_TEXT: usize = 2000;

/// What the page says that the JSON does not.
pub(super) struct Reader<'a> {
    pub(super) status: StatusCode,
    /// The request's method and path, without its query.
    pub(super) request: String,
    /// Where the MLflow page is, below which the request was; `None` where that is not known.
    pub(super) home: Option<&'a str>,
    /// Whether a browser can log in here: it only knows HTTP Basic.
    pub(super) basic: bool,
    /// Whether the caller may present what is looked up.
    pub(super) has_keys: bool,
    /// What that is.
    pub(super) presented: &'static str,
    /// What the auth service is asked about.
    pub(super) asked_about: &'static str,
    pub(super) called: Called,
    pub(super) key_id: Option<&'a str>,
    pub(super) help_url: Option<&'a str>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(
        decision: &'a Decision,
        head: &RequestHead<'_>,
        config: &'a Config,
        status: StatusCode,
    ) -> Self {
        let mut path = head.raw_target().split(|b| *b == b'?');
        let path = path.next().unwrap_or_default();
        let principal = decision.principal.as_deref();
        Self {
            status,
            request: format!("{} {}", head.method(), path.escape_ascii()),
            home: decision.mount.as_deref(),
            basic: config.takes_passwords(),
            has_keys: config.has_keys(),
            presented: Sources(config).presented(),
            asked_about: Sources(config).asked_about(),
            called: Called::of(decision),
            key_id: principal.and_then(|it| it.key_id.as_deref()),
            help_url: config.help_url.as_deref(),
            retry_after: decision.retry_after,
        }
    }
}

/// The whole page.
pub(super) fn page(body: &Body<'_>, reader: &Reader<'_>) -> String {
    let title = title(reader);
    let mut html = Html::new();
    html.markup("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.markup("<meta name=\"robots\" content=\"noindex\"><title>");
    html.text(&title);
    html.markup("</title><style>");
    html.markup(STYLE);
    html.markup("</style></head>\n<body><main><h1>");
    html.text(&title);
    html.markup("</h1>\n<p>");
    html.text(&body.message);
    html.markup("</p>\n");
    facts(&mut html, body, reader);
    html.markup("<h2>What you can do</h2>\n<ul>\n");
    what_to_do(&mut html, body, reader);
    html.markup("</ul>\n</main></body></html>\n");
    html.0
}

fn title(reader: &Reader<'_>) -> Cow<'static, str> {
    Cow::Borrowed(match reader.status {
        StatusCode::UNAUTHORIZED if !reader.has_keys => "Log in",
        StatusCode::UNAUTHORIZED => return format!("Log in with an {}", reader.presented).into(),
        StatusCode::FORBIDDEN => "This is not allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
        StatusCode::TOO_MANY_REQUESTS => {
            return format!("Too many requests with this {}", reader.asked_about).into();
        }
        StatusCode::SERVICE_UNAVAILABLE => "Callers cannot be checked right now",
        _ => "This request can be read in more than one way",
    })
}

fn facts(html: &mut Html, body: &Body<'_>, reader: &Reader<'_>) {
    html.markup("<dl>\n");
    html.one("Request", Some(&reader.request));
    html.one("Operation", body.operation);
    let required = body.required_permission.map(|it| it.to_string());
    html.one("Required permission", required.as_deref());
    let mut granting = body.granting_scopes.unwrap_or_default().iter().copied();
    html.fact("Scopes that grant it", &mut granting);
    html.one("Known releases of MLflow", body.covers);
    html.one("Workspace", body.workspace);
    let (name, has) = match reader.called {
        Called::Key => ("Key", "This key has"),
        Called::Caller => ("Caller", "This caller has"),
    };
    html.one(name, reader.key_id);
    if let Some(scopes) = body.key_scopes {
        let shown = scopes.iter().take(MENTIONED_SCOPES).map(String::as_str);
        let none = scopes.is_empty().then_some("no scopes");
        let more = (scopes.len() > MENTIONED_SCOPES).then_some("and more");
        html.fact(has, &mut shown.chain(none).chain(more));
    }
    html.one("Reason", Some(body.reason));
    let status = reader.status.as_u16().to_string();
    html.one("Status", Some(&status));
    html.one("Request id", body.request_id);
    html.markup("</dl>\n");
}

fn what_to_do(html: &mut Html, body: &Body<'_>, reader: &Reader<'_>) {
    if let Some(permission) = body.required_permission {
        html.markup(match reader.called {
            Called::Key => "<li>Ask whoever issues the API keys for the permission <code>",
            Called::Caller => "<li>Ask whoever administers this server for the permission <code>",
        });
        html.text(&permission.to_string());
        html.markup(match (body.workspace, reader.called) {
            (Some(_), _) => "</code> in this workspace. ",
            (None, Called::Key) => "</code>, or for a key with one of the scopes above. ",
            (None, Called::Caller) => "</code>, or for one of the scopes above. ",
        });
        html.markup("Name the request id.</li>\n");
    }
    match reader.status {
        StatusCode::UNAUTHORIZED => log_in(html, reader),
        // Outside the mounts no key helps.
        StatusCode::FORBIDDEN if body.reason != Reason::OutsideMounts.as_str() => {
            log_in_with_another_key(html, reader);
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => retry(html, reader),
        _ => {}
    }
    if let Some(home) = reader.home {
        // The mount alone: nothing of the request, in whose query a key may be.
        html.markup("<li><a rel=\"noreferrer\" href=\"");
        html.text(home);
        html.markup(if home.ends_with('/') { "" } else { "/" });
        html.markup("\">Go to the first page of MLflow</a>.</li>\n");
    }
    if let Some(url) = reader.help_url {
        html.markup("<li>Read <a rel=\"noreferrer\" href=\"");
        html.text(url);
        html.markup("\">about access to this server</a>.</li>\n");
    }
}

fn log_in(html: &mut Html, reader: &Reader<'_>) {
    if !reader.basic {
        return html.markup(no_password(reader));
    }
    html.markup("<li>Reload this page. ");
    password(html, reader);
    html.markup("</li>\n");
}

fn log_in_with_another_key(html: &mut Html, reader: &Reader<'_>) {
    if !reader.basic {
        return html.markup(no_password(reader));
    }
    html.markup("<li>Log in with another ");
    html.text(reader.presented);
    html.markup(
        ": the browser sends the one it has until all of its windows are closed. Close them, or open a private window, \
         and go to the first page of MLflow there. ",
    );
    password(html, reader);
    html.markup(" Do not put it into a link.</li>\n");
}

fn password(html: &mut Html, reader: &Reader<'_>) {
    html.markup("The browser asks for a user name and a password: enter any user name, and the ");
    html.text(reader.presented);
    html.markup(" as the password.");
}

fn no_password(reader: &Reader<'_>) -> &'static str {
    if reader.has_keys {
        "<li>A browser cannot log in to this server by itself: its <code>credentials</code> do not include \
         <code>basic</code>.</li>\n"
    } else {
        "<li>A browser cannot log in to this server by itself: there are no passwords. Log in where your organisation \
         does, or install your client certificate, and come back.</li>\n"
    }
}

fn retry(html: &mut Html, reader: &Reader<'_>) {
    html.markup("<li>Reload this page ");
    match reader.retry_after {
        Some(seconds) => {
            html.markup("in ");
            html.text(&seconds.to_string());
            html.markup(" s");
        }
        None => html.markup("later"),
    }
    html.markup(".</li>\n");
}

/// A page as it grows.
struct Html(String);

impl Html {
    fn new() -> Self {
        Self(String::with_capacity(4096))
    }

    /// Markup: of this file, never from elsewhere.
    #[inline(never)]
    fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Any text, as the content of an element or of a quoted attribute.
    #[inline(never)]
    fn text(&mut self, text: &str) {
        for character in text.chars().take(LONGEST_TEXT) {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                it if is_unprintable(it) => self.0.push('\u{fffd}'),
                it => self.0.push(it),
            }
        }
        if text.chars().nth(LONGEST_TEXT).is_some() {
            self.0.push('…');
        }
    }

    /// A line of the list of facts, where there is a value.
    fn one(&mut self, name: &'static str, value: Option<&str>) {
        self.fact(name, &mut value.into_iter());
    }

    /// The same with any number of values.
    #[inline(never)]
    fn fact(&mut self, name: &'static str, values: &mut dyn Iterator<Item = &str>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        self.markup("<dt>");
        self.markup(name);
        self.markup("</dt><dd>");
        let mut before = "<code>";
        for value in values {
            self.markup(before);
            self.text(value);
            self.markup("</code>");
            before = " <code>";
        }
        self.markup("</dd>\n");
    }
}
