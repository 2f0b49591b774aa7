//! Every rule by its code, which stays the same over releases.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The filter would not run, or would not protect.
    Error,
    /// It runs, with less protection or use than it could have.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What a finding is an instance of.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub code: &'static str,
    pub severity: Severity,
}

macro_rules! rules {
    ($($name:ident: $severity:ident $code:literal),+ $(,)?) => {
        $(pub const $name: Rule = Rule { code: $code, severity: Severity::$severity };)+

        /// Every rule.
        #[cfg(test)]
        pub const ALL: &[Rule] = &[$($name),+];
    };
}

rules! {
    // The plugin configuration.
    CONFIG_REFUSED: Error "config-refused",
    CONFIG_MISSING: Error "config-missing",
    CONFIG_TYPE: Error "config-type",
    GRANTS_NOTHING: Warning "grants-nothing",
    PERMISSION_UNUSED: Warning "permission-unused",
    SCOPE_UNUSABLE: Warning "scope-unusable",
    SCOPE_SHADOWS: Warning "scope-shadows",
    LIMITED_WITHOUT_BODIES: Warning "limited-without-bodies",
    STALE_WITHOUT_REVOCATION: Warning "stale-without-revocation",
    OVERRIDE_UNUSED: Warning "override-unused",
    OVERRIDE_BY_HOST: Warning "override-by-host",
    KEY_IN_QUERY: Warning "key-in-query",
    SETTING_UNUSED: Warning "setting-unused",
    SECRET_IN_PLAIN_TEXT: Warning "secret-in-plain-text",
    KEY_EXPIRED: Warning "key-expired",
    KEY_WITHOUT_RIGHTS: Warning "key-without-rights",
    WORKSPACES_DISABLED: Warning "workspaces-disabled",
    REGEX_PATTERN: Error "regex-pattern",
    MOUNT_OF_API: Warning "mount-of-api",
    PLACEHOLDER: Warning "placeholder",
    // The filter in its proxy.
    NO_FILTER: Warning "no-filter",
    FILTER_TWICE: Error "filter-twice",
    DIGEST_MISSING: Warning "digest-missing",
    FAIL_OPEN: Error "fail-open",
    FAIL_RELOAD: Warning "fail-reload",
    PHASE: Warning "phase",
    STOP_ITERATION_MISSING: Error "stop-iteration-missing",
    STOP_ITERATION_UNNEEDED: Warning "stop-iteration-unneeded",
    BODY_LIMIT: Error "body-limit",
    FILTER_ORDER: Error "filter-order",
    FILTER_OPTIONAL: Error "filter-optional",
    VM_ID_SHARED: Error "vm-id-shared",
    VM_ID_MISSING: Warning "vm-id-missing",
    STATS_TAGS: Warning "stats-tags",
    // Who verifies callers' tokens and certificates.
    JWT_UNVERIFIED: Error "jwt-unverified",
    JWT_PHASE: Error "jwt-phase",
    JWT_METADATA_KEY: Error "jwt-metadata-key",
    JWT_AUDIENCES: Error "jwt-audiences",
    JWT_LOCATIONS: Warning "jwt-locations",
    JWT_PASSED_OVER: Warning "jwt-passed-over",
    JWT_EXPIRATION: Warning "jwt-expiration",
    JWT_REQUIRED: Warning "jwt-required",
    JWT_KEY_ID: Warning "jwt-key-id",
    JWKS_UNVERIFIED: Warning "jwks-unverified",
    CLAIMS_WRITTEN: Error "claims-written",
    CERTIFICATE_NOT_ASKED: Error "certificate-not-asked",
    CERTIFICATE_UNVERIFIED: Error "certificate-unverified",
    CERTIFICATE_RESUMED: Warning "certificate-resumed",
    // The listener.
    PATH_NORMALIZATION: Warning "path-normalization",
    CLIENT_ADDRESS_SENT: Error "client-address-sent",
    CLIENT_ADDRESS: Warning "client-address",
    UNDERSCORE_HEADERS: Warning "underscore-headers",
    LISTENER_PLAIN_TEXT: Warning "listener-plain-text",
    ADMIN_OPEN: Warning "admin-open",
    // Routes.
    CANNOT_TELL: Warning "cannot-tell",
    MOUNTS_UNROUTED: Error "mounts-unrouted",
    MOUNT_UNROUTED: Warning "mount-unrouted",
    AROUND_FILTER: Error "around-filter",
    ROUTE_PREFIX: Error "route-prefix",
    PATH_CASE: Error "path-case",
    OUTSIDE_FORWARDED: Error "outside-forwarded",
    OUTSIDE_MOUNTS: Warning "outside-mounts",
    OUTSIDE_HOSTS: Error "outside-hosts",
    HOST_UNROUTED: Warning "host-unrouted",
    ROUTE_ON_IDENTITY: Error "route-on-identity",
    REWRITE: Error "rewrite",
    HEADER_WRITTEN: Error "header-written",
    HEADER_REMOVED: Error "header-removed",
    RETRIES: Warning "retries",
    TIME_LIMIT: Warning "time-limit",
    MIRROR: Warning "mirror",
    // The way to the auth service.
    AUTH_CLUSTER: Error "auth-cluster",
    AUTH_PLAIN_TEXT: Warning "auth-plain-text",
    AUTH_TLS_UNVERIFIED: Warning "auth-tls-unverified",
    KEY_OVERWRITTEN: Error "key-overwritten",
    CONNECT_TIMEOUT: Warning "connect-timeout",
}
