//! Fields that do not exist and that people write all the same, each with what to write instead.

/// Where a field is looked for, how it is spelled (in lower case, without `_` and `-`; several with spaces between
/// them), and what to write instead.
type Entry = (&'static str, &'static str, &'static str);

pub(super) const TABLE: &[Entry] = &[
    (
        "",
        "auth authurl authserver authserviceurl authendpoint url uri endpoint upstream",
        "write `auth_service` with the Envoy cluster in `cluster`, the host in `authority` and the path in `path`",
    ),
    (
        "",
        "authcluster authservicecluster cluster",
        "write `auth_service.cluster`",
    ),
    (
        "",
        "timeout timeoutms timeouts timeoutseconds",
        "write `auth_service.timeout`, a duration such as \"500ms\" or \"2s\"",
    ),
    (
        "",
        "ttl cachettl cachettlms cachettls cachettlseconds cacheseconds",
        "write `cache.ttl`, a duration such as \"60s\"",
    ),
    (
        "",
        "cachesize cachecapacity cachemaxentries maxentries",
        "write `cache.capacity`",
    ),
    (
        "",
        "prefix prefixes path paths pathprefix basepath mountpath route routes staticprefix",
        "write `mounts`, the paths at which clients reach MLflow's root",
    ),
    (
        "",
        "domain domains hostname hostnames servername servernames virtualhosts",
        "write `hosts`, patterns with `*` and `?`",
    ),
    (
        "",
        "enabled disabled dryrun shadow shadowmode monitor auditonly logonly reportonly enforce",
        "write `mode`: \"enforce\" or \"shadow\"",
    ),
    (
        "",
        "rules policy policies permissions rbac acl acls grants",
        "write `scopes` and `roles`, which say what each word of the auth service grants",
    ),
    (
        "",
        "users admins adminusers superusers",
        "the auth service says who is an administrator: `is_admin` in its answer, or a role listed in `roles`",
    ),
    (
        "",
        "allow allowlist whitelist exclude excludes excludepaths excludedpaths skip skippaths \
         bypass bypasspaths publicpaths unauthenticated anonymous",
        "write `public`, or an override with `public` for single operations that read",
    ),
    (
        "",
        "deny denylist blacklist block default defaultaction defaultpolicy",
        "remove it: what no scope or role grants is refused",
    ),
    (
        "",
        "failopen failureopen failuremode failuremodeallow failclosed",
        "remove it: without a decision the request is refused; what a crash does is `failure_policy` of the proxy's filter",
    ),
    (
        "",
        "header headers userheader identityheader forwardheaders",
        "write `identity_headers` with `user_id`, `key_id` and `scopes`",
    ),
    (
        "",
        "apikeyheader keyheader headername credential keysources apikeys apikey token tokens",
        "write `credentials`, the places where callers present their keys: \"bearer\", \"x-api-key\", \"basic\" or \"query\"",
    ),
    (
        "keys",
        "key apikey token secret hash digest sha256sum keyhash",
        "write `sha256`, the digest that `mlflow-authz key digest` prints; the configuration never holds the key itself",
    ),
    ("keys", "id name keyname", "write `key_id`"),
    ("keys", "user username email owner", "write `user_id`"),
    ("keys", "scope permissions grants", "write `scopes`, a list"),
    ("keys", "role groups", "write `roles`, a list"),
    (
        "jwt",
        "issuer issuers jwks jwksuri jwksurl jwksfile localjwks remotejwks audience audiences secret publickey algorithm \
         algorithms providers clockskew leeway fromheaders fromparams forward header headers cookie",
        "remove it: Envoy's jwt_authn verifies tokens, so this belongs in its configuration; the filter only reads the claims",
    ),
    (
        "jwt",
        "payload payloadinmetadata metadata key keys metadatakeys metadatanamespace",
        "write `metadata_key`, the payload_in_metadata of jwt_authn",
    ),
    (
        "jwt",
        "sub subject user username email",
        "write `user_id`, a JSON Pointer",
    ),
    (
        "jwt",
        "scope scp permissions permission",
        "write `scopes`, a JSON Pointer",
    ),
    ("jwt", "role groups group", "write `roles`, a JSON Pointer"),
    ("jwt", "admin superuser", "write `is_admin`, a JSON Pointer"),
    (
        "jwt",
        "exp expires expiresat expiry",
        "remove it: a token expires at its `exp`",
    ),
    (
        "mtls",
        "ca cacert cafile trustedca verify required requireclientcertificate",
        "remove it: the `transport_socket` of Envoy's listener verifies certificates",
    ),
    (
        "mtls",
        "name names match field san principal identities users",
        "write `by` (which name of the certificate counts) and `principals` (the names, and what they may do)",
    ),
    ("keys", "admin superuser", "write `is_admin`"),
    (
        "keys",
        "expires expiry expiration exp validuntil notafter ttl",
        "write `expires_at`, a time such as \"2027-01-31T00:00:00Z\"",
    ),
    (
        "",
        "keyprefix keyregex keyformat apikeypattern keypatterns",
        "write `key_pattern`, one pattern with `*` for any characters and `?` for one",
    ),
    (
        "",
        "workspace enableworkspaces multitenancy tenants tenant namespaces namespace",
        "write `workspaces`: {\"enabled\": true}",
    ),
    (
        "workspaces",
        "names list allowed members",
        "remove it: which workspaces a key may use is said by its scopes (`acme/model:write`), or by `workspaces` of the key",
    ),
    (
        "",
        "log loglevel logging debug verbose",
        "remove it: the level is that of the proxy's logger \"wasm\"; what is recorded of decisions is `audit`",
    ),
    (
        "auth_service",
        "url uri endpoint address host hostname baseurl server",
        "write the Envoy cluster in `cluster`, the host in `authority` and the path in `path`",
    ),
    (
        "auth_service",
        "port",
        "the port is that of the Envoy cluster in `cluster`; one that the service wants in its host name goes into `authority`",
    ),
    (
        "auth_service",
        "timeoutms timeouts timeoutseconds timeoutsec requesttimeout deadline",
        "write `timeout`, a duration such as \"500ms\" or \"2s\"",
    ),
    (
        "auth_service",
        "token bearer bearertoken apikey secret password username authorization credential",
        "remove it: the filter sends the caller's key; a credential of your own goes into `headers`, or into a file that \
         Envoy reads (`credential_injector` as an upstream filter of the cluster)",
    ),
    (
        "auth_service",
        "retry retries retrypolicy maxretries attempts",
        "remove it: a key is validated once, and clients retry after `unavailable_retry_after`",
    ),
    (
        "auth_service",
        "tls ssl ca cacert cafile cert verify insecure insecureskipverify",
        "remove it: TLS is the `transport_socket` of the Envoy cluster",
    ),
    (
        "auth_service",
        "cache ttl cachettl cachettlseconds cachesize",
        "write `cache.ttl` and `cache.capacity`, beside `auth_service`",
    ),
    (
        "auth_service",
        "service serviceid servicename",
        "write `service_id`",
    ),
    (
        "auth_service",
        "type kind mode introspection introspect oauth oauth2 introspectionurl introspectionendpoint",
        "write `protocol`: \"keys\" or \"introspection\"",
    ),
    (
        "auth_service",
        "keyheader keyfield keyname headername credentialsource",
        "write `key_in`: \"bearer\", \"header:NAME\", \"json:FIELD\" or \"form:FIELD\"",
    ),
    (
        "auth_service",
        "response mapping fields claims scopes scopespath permissions validpath",
        "write `reply` with JSON Pointers: \"reply\": {\"scopes\": \"/data/permissions\"}",
    ),
    (
        "auth_service",
        "clientid clientsecret basicauth authorizationheader requestheaders extraheaders",
        "write `headers`: [\"authorization: Basic …\"], or let Envoy's `credential_injector` add it",
    ),
    (
        "auth_service",
        "concurrency maxconcurrency maxinflight maxpending",
        "write `max_in_flight`",
    ),
    (
        "cache",
        "ttlms ttls ttlseconds ttlsec expiry expires expiration maxage duration",
        "write `ttl`, a duration such as \"60s\"",
    ),
    (
        "cache",
        "size maxsize entries maxentries limit",
        "write `capacity`",
    ),
    (
        "cache",
        "stale stalettl stalewhilerevalidate grace graceperiod",
        "write `stale_if_error`",
    ),
    (
        "cache",
        "enabled disabled",
        "remove it: a short `ttl` makes the filter validate keys more often",
    ),
    (
        "revocation",
        "url uri endpoint",
        "write `path`; the request goes to `auth_service.cluster`",
    ),
    (
        "revocation",
        "interval period pollinterval poll intervalseconds",
        "write `every`, a duration such as \"10s\"",
    ),
    (
        "revocation",
        "token apikey header headers secret authorization",
        "write `credential_header`: \"name: value\"",
    ),
    (
        "auth_service.breaker",
        "threshold maxfailures errors",
        "write `failures`",
    ),
    (
        "auth_service.breaker",
        "timeout resettimeout open duration cooldown",
        "write `open_for`",
    ),
    (
        "audit",
        "enabled level all",
        "write `allows`: denials are always recorded",
    ),
    (
        "audit",
        "ratelimit limit persecond",
        "write `max_per_second`",
    ),
    (
        "identity_headers",
        "user username email userheader",
        "write `user_id`",
    ),
    ("identity_headers", "key apikey apikeyid", "write `key_id`"),
    (
        "identity_headers",
        "scope roles permissions",
        "write `scopes`",
    ),
    (
        "auth_service.reply",
        "scope permissions permission",
        "write `scopes`",
    ),
    (
        "auth_service.reply",
        "user sub subject username",
        "write `user_id`",
    ),
    ("auth_service.reply", "key id clientid", "write `key_id`"),
    (
        "auth_service.reply",
        "active isvalid enabled",
        "write `valid`",
    ),
    (
        "auth_service.reply",
        "admin isadministrator superuser",
        "write `is_admin`",
    ),
    (
        "auth_service.reply",
        "exp expires expiry ttl",
        "write `expires_at`",
    ),
    (
        "overrides.match",
        "path paths prefix url regex endpoint",
        "write `operation` (`mlflow-authz routes` has the names), or `mount`",
    ),
    (
        "overrides.match",
        "method methods verb",
        "write `access` or `operation`",
    ),
    (
        "overrides.match",
        "user users key keyid scope scopes role roles",
        "remove it: an override is chosen before the caller is known; `scopes` and `roles` are about callers",
    ),
    (
        "overrides",
        "action enabled shadow enforce",
        "write `mode`: \"enforce\" or \"shadow\"",
    ),
    (
        "overrides",
        "path paths host hosts mount object access operation operations",
        "write it within `match`",
    ),
];

/// What to write instead of a field, `name` in the object at `holder`.
pub(super) fn instead_of(holder: &str, name: &str) -> Option<&'static str> {
    let holder = without_indices(holder);
    let spelled: String = name
        .chars()
        .filter(|letter| !"_-".contains(*letter))
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let found = TABLE
        .iter()
        .find(|(place, names, _)| *place == holder && names.split(' ').any(|name| name == spelled));
    found.map(|(_, _, instead)| *instead)
}

/// `overrides[0].match` as `overrides.match`.
fn without_indices(path: &str) -> String {
    let mut plain = String::new();
    let mut in_index = false;
    for letter in path.chars() {
        match letter {
            '[' => in_index = true,
            ']' => in_index = false,
            _ if !in_index => plain.push(letter),
            _ => {}
        }
    }
    plain
}
