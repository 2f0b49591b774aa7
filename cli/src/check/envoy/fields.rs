//! Fields that a rule here reads, or that open no way to MLflow. Whatever else a file says is told: a field that is
//! not known to be harmless proves nothing.
//!
//! The names are those of Envoy's API, `envoy/config/{listener,route}/v3` and the HTTP connection manager's.

use super::super::finding::Findings;
use super::super::place::{Place, snake};
use super::super::rules;

/// `Listener`.
pub const LISTENER: &[&str] = &[
    "@type",
    "name",
    "address",
    "additional_addresses",
    "stat_prefix",
    "filter_chains",
    // Chooses among the chains, and each of them is checked.
    "filter_chain_matcher",
    "use_original_dst",
    "default_filter_chain",
    "per_connection_buffer_limit_bytes",
    "metadata",
    "deprecated_v1",
    "drain_type",
    "listener_filters",
    "listener_filters_timeout",
    "continue_on_listener_filters_timeout",
    "transparent",
    "freebind",
    "socket_options",
    "tcp_fast_open_queue_length",
    "traffic_direction",
    "udp_listener_config",
    "api_listener",
    "connection_balance_config",
    "reuse_port",
    "enable_reuse_port",
    "access_log",
    "tcp_backlog_size",
    "max_connections_to_accept_per_socket_event",
    "bind_to_port",
    "internal_listener",
    "enable_mptcp",
    "ignore_global_conn_limit",
    "bypass_overload_manager",
    "tcp_keepalive",
];

/// `FilterChain`.
pub const FILTER_CHAIN: &[&str] = &[
    // Chooses among the chains, and each of them is checked.
    "filter_chain_match",
    "filters",
    "use_proxy_proto",
    "metadata",
    "transport_socket",
    "transport_socket_connect_timeout",
    "name",
];

/// `HttpConnectionManager`.
pub const MANAGER: &[&str] = &[
    "@type",
    "codec_type",
    "stat_prefix",
    "rds",
    "route_config",
    "scoped_routes",
    "http_filters",
    "add_user_agent",
    "tracing",
    "common_http_protocol_options",
    "http1_safe_max_connection_duration",
    "http_protocol_options",
    "http2_protocol_options",
    "http3_protocol_options",
    "server_name",
    "server_header_transformation",
    "scheme_header_transformation",
    "max_request_headers_kb",
    "stream_idle_timeout",
    "stream_flush_timeout",
    "request_timeout",
    "request_headers_timeout",
    "drain_timeout",
    "delayed_close_timeout",
    "access_log",
    "access_log_flush_interval",
    "flush_access_log_on_new_request",
    "access_log_options",
    "use_remote_address",
    "xff_num_trusted_hops",
    "original_ip_detection_extensions",
    "early_header_mutation_extensions",
    "internal_address_config",
    "skip_xff_append",
    "via",
    "generate_request_id",
    "preserve_external_request_id",
    "always_set_request_id_in_response",
    "forward_client_cert_details",
    "set_current_client_cert_details",
    "forward_client_cert_matcher",
    "proxy_100_continue",
    "represent_ipv4_remote_address_as_ipv4_mapped_ipv6",
    "upgrade_configs",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "request_id_extension",
    "local_reply_config",
    "strip_matching_host_port",
    "strip_any_host_port",
    "stream_error_on_invalid_http_message",
    "strip_trailing_host_dot",
    "proxy_status_config",
    "typed_header_validation_config",
    "append_x_forwarded_port",
    "append_local_overload",
    "add_proxy_protocol_connection_state",
    "forward_proto_config",
];

/// `RouteConfiguration`.
pub const TABLE: &[&str] = &[
    "@type",
    "name",
    "virtual_hosts",
    "internal_only_headers",
    "response_headers_to_add",
    "response_headers_to_remove",
    "request_headers_to_add",
    "request_headers_to_remove",
    "most_specific_header_mutations_wins",
    "validate_clusters",
    "max_direct_response_body_size_bytes",
    // A route that uses one is told.
    "cluster_specifier_plugins",
    "request_mirror_policies",
    "ignore_port_in_host_matching",
    "ignore_path_parameters_in_path_matching",
    "typed_per_filter_config",
    "metadata",
];

/// `VirtualHost`.
pub const HOST: &[&str] = &[
    "@type",
    "name",
    "domains",
    "routes",
    "require_tls",
    "virtual_clusters",
    "rate_limits",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
    "cors",
    "typed_per_filter_config",
    "include_request_attempt_count",
    "include_attempt_count_in_response",
    "retry_policy",
    "retry_policy_typed_config",
    "hedge_policy",
    "include_is_timeout_retry_header",
    "per_request_buffer_limit_bytes",
    "request_body_buffer_limit",
    "request_mirror_policies",
    "metadata",
];

/// `Route`.
pub const ROUTE: &[&str] = &[
    "@type",
    "name",
    "match",
    "route",
    "redirect",
    "direct_response",
    "non_forwarding_action",
    "metadata",
    "decorator",
    "typed_per_filter_config",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
    "tracing",
    "per_request_buffer_limit_bytes",
    "stat_prefix",
    "request_body_buffer_limit",
];

/// `RouteMatch`. What narrows a match opens no way.
pub const MATCH: &[&str] = &[
    "prefix",
    "path",
    "safe_regex",
    "connect_matcher",
    "path_separated_prefix",
    "path_match_policy",
    "case_sensitive",
    "runtime_fraction",
    "headers",
    "query_parameters",
    "cookies",
    "grpc",
    "tls_context",
    "dynamic_metadata",
    "filter_state",
];

/// `RouteAction`.
pub const ACTION: &[&str] = &[
    "cluster",
    "cluster_header",
    "weighted_clusters",
    "cluster_specifier_plugin",
    "inline_cluster_specifier_plugin",
    "cluster_not_found_response_code",
    "metadata_match",
    "prefix_rewrite",
    "regex_rewrite",
    "path_rewrite_policy",
    "path_rewrite",
    "host_rewrite_literal",
    "auto_host_rewrite",
    "host_rewrite_header",
    "host_rewrite_path_regex",
    "append_x_forwarded_host",
    "timeout",
    "idle_timeout",
    "flush_timeout",
    "early_data_policy",
    "retry_policy",
    "retry_policy_typed_config",
    "request_mirror_policies",
    "priority",
    "rate_limits",
    "include_vh_rate_limits",
    "hash_policy",
    "cors",
    "max_grpc_timeout",
    "grpc_timeout_offset",
    "upgrade_configs",
    "internal_redirect_policy",
    "internal_redirect_action",
    "max_internal_redirects",
    "hedge_policy",
    "max_stream_duration",
];

/// `WeightedCluster.ClusterWeight`.
pub const WEIGHT: &[&str] = &[
    "name",
    "cluster_header",
    "weight",
    "metadata_match",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
    "typed_per_filter_config",
    "host_rewrite_literal",
];

/// `PluginConfig` of the filter.
pub const PLUGIN: &[&str] = &[
    "@type",
    "name",
    "root_id",
    "vm_config",
    "configuration",
    "fail_open",
    "failure_policy",
    "reload_config",
    "capability_restriction_config",
    "allow_on_headers_stop_iteration",
];

/// `VmConfig` of the filter.
pub const VM: &[&str] = &[
    "@type",
    "vm_id",
    "runtime",
    "code",
    "configuration",
    "allow_precompiled",
    "nack_on_code_cache_miss",
    "environment_variables",
];

/// `CapabilityRestrictionConfig`.
pub const RESTRICTION: &[&str] = &["@type", "allowed_capabilities"];

/// Tells of every field beyond `known`, and of those that are there in both spellings.
pub fn check(findings: &mut Findings, place: &Place<'_>, known: &[&str]) {
    let mut seen: Vec<String> = Vec::new();
    for (key, field) in place.fields() {
        if place.get(key).is_none() {
            continue;
        }
        let name = snake(key);
        let twice = seen.contains(&name);
        if !twice && known.contains(&name.as_str()) {
            seen.push(name);
            continue;
        }
        let problem = if twice {
            format!(
                "{name} is duplicated, in two spellings: check cannot tell which one Envoy reads"
            )
        } else {
            format!(
                "check does not follow {name}, so it cannot tell whether requests reach MLflow through it"
            )
        };
        findings.add(
            rules::CANNOT_TELL,
            &field,
            problem,
            "remove it, or verify by hand that every request for MLflow passes the filter",
        );
    }
}
