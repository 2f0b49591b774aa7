//! `capability_restriction_config`: what the module may call, and which of its callbacks Envoy calls.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::fields;

/// Callbacks without which requests pass although nothing has decided about them: Envoy skips one that is left out,
/// and goes on.
const DECIDING: &[&str] = &[
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_http_call_response",
];

/// What else the filter needs, as envoy/capabilities.yaml lists it.
const NEEDED: &[&str] = &[
    "proxy_add_header_map_value",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
    "proxy_on_tick",
];

const REMEDY: &str = "take the whole block of envoy/capabilities.yaml of the same release as the module, or remove it";

/// Checks what a `PluginConfig` allows. An empty map restricts nothing.
pub fn check(findings: &mut Findings, plugin: &Place<'_>) {
    let Some(restriction) = plugin.get("capability_restriction_config") else {
        return;
    };
    fields::check(findings, &restriction, fields::RESTRICTION);
    let Some(allowed) = restriction.get("allowed_capabilities") else {
        return;
    };
    let allowed_names: Vec<&str> = allowed.fields().map(|(name, _)| name).collect();
    if allowed_names.is_empty() {
        return;
    }
    let missing = |names: &[&'static str]| {
        let missing = names.iter().filter(|name| !allowed_names.contains(name));
        missing.copied().collect::<Vec<_>>()
    };
    let skipped = missing(DECIDING);
    let refused = missing(NEEDED);
    if !skipped.is_empty() {
        findings.add(
            rules::AROUND_FILTER,
            &allowed,
            format!(
                "Envoy never calls {}, because the restriction leaves it out: requests pass without a decision",
                skipped.join(", ")
            ),
            REMEDY,
        );
    }
    if !refused.is_empty() {
        findings.add(
            rules::CANNOT_TELL,
            &allowed,
            format!(
                "the filter needs {}, which the restriction leaves out, so check cannot tell what it still decides",
                refused.join(", ")
            ),
            REMEDY,
        );
    }
}
