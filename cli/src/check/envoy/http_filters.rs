//! What stands beside the filter in a chain of HTTP filters. Before it nothing may answer for MLflow or rewrite the
//! request; behind it nothing may change what it decided about.

use super::super::finding::Findings;
use super::super::rules;
use super::extensions::Extension;
use super::headers;
use super::managers::{HttpFilter, Manager};
use super::typed::{self, HEADER_MUTATION};
use super::upstream;

/// Filters that answer requests from what they have, so that nothing behind them decides.
const ANSWERING: &[&str] = &[
    "envoy.extensions.filters.http.router.v3.Router",
    "envoy.extensions.filters.http.cache.v3.CacheConfig",
    "envoy.extensions.filters.http.cache_v2.v3.CacheV2Config",
    "envoy.extensions.filters.http.file_server.v3.FileServerConfig",
    "envoy.extensions.filters.http.aws_lambda.v3.Config",
];

/// Filters that let a request pass as it is or refuse it, and write at most headers of their own.
const PASSIVE: &[&str] = &[
    "filters.http.adaptive_concurrency.v3.AdaptiveConcurrency",
    "filters.http.admission_control.v3.AdmissionControl",
    "filters.http.alternate_protocols_cache.v3.FilterConfig",
    "filters.http.bandwidth_limit.v3.BandwidthLimit",
    "filters.http.buffer.v3.Buffer",
    "filters.http.cdn_loop.v3.CdnLoopConfig",
    "filters.http.compressor.v3.Compressor",
    "filters.http.cors.v3.Cors",
    "filters.http.csrf.v3.CsrfPolicy",
    "filters.http.fault.v3.HTTPFault",
    "filters.http.file_system_buffer.v3.FileSystemBufferFilterConfig",
    "filters.http.grpc_stats.v3.FilterConfig",
    "filters.http.health_check.v3.HealthCheck",
    "filters.http.kill_request.v3.KillRequest",
    "filters.http.local_ratelimit.v3.LocalRateLimit",
    "filters.http.original_src.v3.OriginalSrc",
    "filters.http.rbac.v3.RBAC",
    "filters.http.tap.v3.Tap",
    // As upstream filter: what sends the request.
    "filters.http.upstream_codec.v3.UpstreamCodec",
];

/// Filters that write headers from what they find out or are told. The filter, behind them, removes those that are its own.
const BEFORE_ONLY: &[&str] = &[
    "filters.http.geoip.v3.Geoip",
    "filters.http.ip_tagging.v3.IPTagging",
    "filters.http.jwt_authn.v3.JwtAuthentication",
    "filters.http.rate_limit_quota.v3.RateLimitQuotaFilterConfig",
    "filters.http.ratelimit.v3.RateLimit",
];

impl HttpFilter<'_> {
    fn is_one_of(&self, kinds: &[&str]) -> bool {
        let typed = self.typed.as_ref();
        typed.is_some_and(|typed| kinds.iter().any(|kind| typed.is(kind)))
    }

    /// Whether it leaves alone what the filter decides about, before it or behind it.
    fn is_safe(&self, before: bool) -> bool {
        self.answers() || self.is_one_of(PASSIVE) || before && self.is_one_of(BEFORE_ONLY)
    }

    fn answers(&self) -> bool {
        let untyped = self.place.at(&["typed_config", "@type"]).is_none()
            && self.place.get("config_discovery").is_none();
        self.is_one_of(ANSWERING) || untyped && self.name == "envoy.filters.http.router"
    }
}

/// Checks the order of a chain that runs the filter.
pub fn check(findings: &mut Findings, manager: &Manager<'_>) {
    let filters = &manager.filters;
    let Some(last) = filters.iter().rposition(|filter| filter.plugin.is_some()) else {
        return;
    };
    let first = filters.iter().position(HttpFilter::answers);
    let owned = headers::owned(manager);
    for (index, filter) in filters.iter().enumerate() {
        replaced(findings, filter);
        if filter.plugin.is_some() {
            instance(findings, filter);
            if let Some(before) = first
                .filter(|first| *first < index)
                .and_then(|first| filters.get(first))
            {
                findings.add(
                    rules::FILTER_ORDER,
                    &filter.place,
                    format!(
                        "runs after {}, which answers requests before this filter decides",
                        before.name
                    ),
                    format!("put it before {}", before.name),
                );
            }
        } else if filter.is_one_of(&[HEADER_MUTATION]) {
            filter
                .typed
                .iter()
                .for_each(|typed| headers::mutations(findings, &typed.body, &owned));
        } else if !filter.is_safe(index < last) {
            unknown(findings, filter, index < last);
        } else if let Some(typed) = &filter.typed {
            headers::anywhere(findings, &typed.body, &owned);
            for upstream in typed.body.list("upstream_http_filters") {
                upstream::filter(findings, &upstream, &owned);
            }
        }
    }
    stale_route(findings, manager);
}

fn instance(findings: &mut Findings, filter: &HttpFilter<'_>) {
    if filter.place.is_true("is_optional") {
        findings.add(
            rules::FILTER_OPTIONAL,
            &filter.place,
            "is_optional lets an Envoy that cannot load the filter run without it, and every request passes undecided",
            "remove is_optional",
        );
    }
}

/// A default stands in for a filter that comes by ECDS.
fn replaced(findings: &mut Findings, filter: &HttpFilter<'_>) {
    let Some(default) = Extension::until_delivered(&filter.place) else {
        return;
    };
    if filter.plugin.is_some() {
        findings.add(
            rules::AROUND_FILTER,
            &default,
            "until the extension discovery service delivers the filter, and whenever it cannot, default_config runs in \
             its place: requests pass without a decision",
            "remove default_config: without it Envoy refuses requests until the filter is there",
        );
    } else {
        findings.add(
            rules::CANNOT_TELL,
            &default,
            format!(
                "default_config may run in place of {}, so check cannot tell what runs beside the filter",
                filter.name
            ),
            "remove default_config",
        );
    }
}

fn unknown(findings: &mut Findings, filter: &HttpFilter<'_>, before: bool) {
    let name = filter.name;
    let problem = if filter.typed.is_none() {
        format!(
            "what {name} does is not in these files, so check cannot tell whether it is safe beside the filter"
        )
    } else if before {
        format!(
            "{name} runs before the filter and may answer a request or rewrite it, so check cannot tell whether every \
             request is decided about"
        )
    } else {
        format!(
            "{name} runs after the filter and may rewrite the request, so check cannot tell whether MLflow gets what \
             was decided about"
        )
    };
    findings.add(
        rules::CANNOT_TELL,
        &filter.place,
        problem,
        "remove it from this listener, give its configuration, or verify by hand that it changes neither path, method, \
         host nor identity headers",
    );
}

/// The filters of a request are those of its first route. One that chooses the route again may move it from a route
/// where this filter is disabled to one where it is not.
fn stale_route(findings: &mut Findings, manager: &Manager<'_>) {
    let mut overrides = manager
        .tables
        .iter()
        .flat_map(|table| typed::all(table, "envoy.config.route.v3.FilterConfig"));
    if !overrides.any(|config| config.is_true("disabled")) {
        return;
    }
    for filter in &manager.filters {
        let clears = |place| typed::any_field(place, "clear_route_cache");
        if filter
            .typed
            .as_ref()
            .is_some_and(|typed| clears(&typed.body))
        {
            findings.add(
                rules::CANNOT_TELL,
                &filter.place,
                format!(
                    "{} chooses the route again, after a route has disabled a filter: check cannot tell which filters run \
                     for the second route",
                    filter.name
                ),
                "remove clear_route_cache, or disable no filter on a route",
            );
        }
    }
}
