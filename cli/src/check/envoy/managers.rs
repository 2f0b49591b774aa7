//! HTTP connection managers: which filters they run, and how they read a request.

use mlflow_authz::Config;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::plugin::reads_bodies;
use super::super::rules;
use super::extensions::Extension;
use super::fields;
use super::listeners::{self, Entry};
use super::plugins::{self, Plugin};
use super::typed::Typed;

/// A connection manager with one of its filter chains, and the listener around it.
pub struct Manager<'a> {
    pub place: Place<'a>,
    listener: Place<'a>,
    /// The filter chain of the listener that it is in, as far as the files hold it.
    pub chain: Option<Place<'a>>,
    pub filters: Vec<HttpFilter<'a>>,
    /// Its route tables, as far as the files hold them.
    pub tables: Vec<Place<'a>>,
    /// The entry of `upgrade_configs` whose filters these are.
    pub upgrade: Option<Place<'a>>,
}

/// One entry of `http_filters`.
#[derive(Debug)]
pub struct HttpFilter<'a> {
    pub name: &'a str,
    pub place: Place<'a>,
    pub typed: Option<Typed<'a>>,
    /// Whether routes have to enable it.
    pub disabled: bool,
    /// The instance of this filter that it is.
    pub plugin: Option<Plugin<'a>>,
}

/// Envoy's `per_connection_buffer_limit_bytes` where none is given.
const DEFAULT_BUFFER: u64 = 1024 * 1024;

impl<'a> Manager<'a> {
    /// Every chain of HTTP filters of a connection manager. Filters that come by ECDS are among `extensions`.
    pub fn read(
        findings: &mut Findings,
        entry: &Entry<'a>,
        tables: &[Place<'a>],
        extensions: &[Extension<'a>],
        plugins: &[Plugin<'a>],
    ) -> Vec<Self> {
        fields::check(findings, &entry.place, fields::MANAGER);
        let chain = |filters: Vec<Place<'a>>, upgrade| {
            let filters = filters.into_iter();
            Self {
                filters: filters
                    .map(|filter| HttpFilter::read(filter, extensions, plugins))
                    .collect(),
                listener: entry.listener.clone(),
                chain: entry.chain.clone(),
                place: entry.place.clone(),
                tables: tables.to_vec(),
                upgrade,
            }
        };
        let main = chain(entry.place.list("http_filters"), None);
        if main.instances().next().is_some() {
            listeners::plain_text(findings, entry);
        }
        let mut chains = vec![main];
        for upgrade in entry.place.list("upgrade_configs") {
            let filters = upgrade.list("filters");
            if !filters.is_empty() {
                chains.push(chain(filters, Some(upgrade)));
            }
        }
        chains
    }

    /// The instances of this filter in it, with what they are told.
    pub fn instances(&self) -> impl Iterator<Item = &HttpFilter<'a>> {
        self.filters.iter().filter(|filter| filter.plugin.is_some())
    }

    /// Those instances by themselves.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin<'a>> {
        self.filters
            .iter()
            .filter_map(|filter| filter.plugin.as_ref())
    }

    /// What they are told, where they would take it.
    pub fn configs(&self) -> impl Iterator<Item = &Config> {
        self.plugins().filter_map(|plugin| plugin.config.as_ref())
    }

    /// Checks how a manager that runs the filter reads requests.
    pub fn check(&self, findings: &mut Findings) {
        if self.instances().next().is_none() || self.upgrade.is_some() {
            return;
        }
        self.paths(findings);
        self.client_address(findings);
        self.underscores(findings);
        self.body_limits(findings);
    }

    fn paths(&self, findings: &mut Findings) {
        for field in ["normalize_path", "merge_slashes"] {
            if !self.place.is_true(field) {
                self.path_setting(findings, field, "true");
            }
        }
        let escaped = self.place.get("path_with_escaped_slashes_action");
        if !escaped.is_some_and(|action| action.is_word("KEEP_UNCHANGED", 1)) {
            self.path_setting(
                findings,
                "path_with_escaped_slashes_action",
                "KEEP_UNCHANGED",
            );
        }
    }

    fn path_setting(&self, findings: &mut Findings, field: &str, value: &str) {
        let why = if field == "path_with_escaped_slashes_action" {
            "MLflow's client escapes slashes in the names of MCP servers, and the filter refuses them elsewhere"
        } else {
            "routes and filter may read a path differently; the filter refuses spellings that Envoy would normalize"
        };
        findings.add(
            rules::PATH_NORMALIZATION,
            &self.place.at_or_self(&[field]),
            format!("{field} is not {value}: {why}"),
            format!("set {field}: {value}"),
        );
    }

    fn client_address(&self, findings: &mut Findings) {
        if self.place.is_true("use_remote_address") {
            return;
        }
        let place = self.place.at_or_self(&["use_remote_address"]);
        let remedy = "set use_remote_address: true, and xff_num_trusted_hops behind load balancers";
        if self
            .configs()
            .filter_map(|config| config.auth_service.as_ref())
            .any(|service| service.send_client_ip)
        {
            findings.add(
                rules::CLIENT_ADDRESS_SENT,
                &place,
                "send_client_ip tells the auth service the client's address, and without use_remote_address the client \
                 writes that itself, in x-forwarded-for",
                remedy,
            );
        } else {
            findings.add(
                rules::CLIENT_ADDRESS,
                &place,
                "without use_remote_address the client writes its own address, in x-forwarded-for: records show it, and \
                 MLflow's \"loopback clients only\" guards believe it",
                remedy,
            );
        }
    }

    fn underscores(&self, findings: &mut Findings) {
        let action = self.place.at(&[
            "common_http_protocol_options",
            "headers_with_underscores_action",
        ]);
        let guarded = |action: &Place<'_>| {
            action.is_word("REJECT_REQUEST", 1) || action.is_word("DROP_HEADER", 2)
        };
        if !action.as_ref().is_some_and(guarded) {
            findings.add(
                rules::UNDERSCORE_HEADERS,
                &action.unwrap_or_else(|| self.place.clone()),
                "headers with underscores pass, and MLflow's server reads x_name and x-name as one header",
                "set common_http_protocol_options.headers_with_underscores_action: REJECT_REQUEST",
            );
        }
    }

    fn body_limits(&self, findings: &mut Findings) {
        let buffer = self.listener.number_of("per_connection_buffer_limit_bytes");
        let buffer = buffer.unwrap_or(DEFAULT_BUFFER);
        let window = self
            .place
            .at(&["http2_protocol_options", "initial_stream_window_size"]);
        let window = window.and_then(|window| window.number());
        let limits = [
            ("per_connection_buffer_limit_bytes", Some(buffer)),
            ("http2_protocol_options.initial_stream_window_size", window),
        ];
        for plugin in self.plugins() {
            let Some(config) = plugin.config.as_ref().filter(|config| reads_bodies(config)) else {
                continue;
            };
            for (name, limit) in limits {
                let Some(limit) = limit.filter(|limit| config.body_limit > *limit) else {
                    continue;
                };
                findings.add(
                    rules::BODY_LIMIT,
                    &plugin.place.at_or_self(&["configuration"]),
                    format!(
                        "body_limit is {}, but {name} is {limit}: larger bodies never arrive",
                        config.body_limit
                    ),
                    format!("raise {name}, or lower body_limit"),
                );
            }
        }
    }
}

impl<'a> HttpFilter<'a> {
    fn read(place: Place<'a>, extensions: &[Extension<'a>], plugins: &[Plugin<'a>]) -> Self {
        let name = place.text_of("name").unwrap_or("without a name");
        let typed = Extension::typed(&place, extensions);
        let config = typed.as_ref().and_then(plugins::of_filter);
        let plugin = config.and_then(|config| {
            plugins
                .iter()
                .find(|plugin| plugin.place.is_same(&config))
                .cloned()
        });
        let disabled = place.is_true("disabled");
        Self {
            name,
            place,
            typed,
            disabled,
            plugin,
        }
    }
}

/// Tells of an instance within a connection manager that is none of its HTTP filters.
pub fn unattached(findings: &mut Findings, plugins: &[Plugin<'_>], managers: &[Manager<'_>]) {
    for plugin in plugins {
        let runs = managers.iter().any(|manager| {
            manager
                .plugins()
                .any(|own| own.place.is_same(&plugin.place))
        });
        let wrapped = managers
            .iter()
            .any(|manager| plugin.place.is_below(&manager.place));
        if wrapped && !runs {
            findings.add(
                rules::CANNOT_TELL,
                &plugin.place,
                "the filter is inside another filter or a matcher, so check cannot tell for which requests it runs",
                "put it into http_filters itself",
            );
        }
    }
}
